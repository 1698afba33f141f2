"""The cases that are not played, each with its reason: nothing is left out in silence."""

from __future__ import annotations

NEEDS_TLS = "needs TLS, which the yard under test does not serve by itself"
REASONS: dict[str, str] = {}
