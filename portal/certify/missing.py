"""The cases that are not played, each with its reason: nothing is left out in silence."""

from __future__ import annotations

NEEDS_TLS = "needs TLS, which the yard under test does not serve by itself"
REASONS = {
    "TC_I_02": "the yard knows no tariffs, so it cannot tell a station what a session costs at its end",
}
