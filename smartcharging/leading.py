"""The profiles by which a charger is led, in our words: default, floor and lease; see `smartcharging.ledger`. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

PROFILES_FROM = 900_000  # our numbers, out of the way of those that staff choose
KINDS = ("default", "floor", "lease")
# Started a minute ago: a schedule that is yet to start would leave a gap, for it replaces the old one at once.
BEFORE = timedelta(seconds=60)


def profile_id(evse_id: int, kind: str) -> int:
    return PROFILES_FROM + evse_id * 10 + KINDS.index(kind)


def is_ours(number: int, evse_id: int) -> bool:
    """Whether a profile of this number at this EVSE is the planner's."""
    return 0 <= number - profile_id(evse_id, KINDS[0]) < len(KINDS)


def profile(
    kind: str, evse_id: int, limit_a: float, *, at: datetime, until: datetime | None, watts_per_a: float | None
) -> dict[str, Any]:
    """A profile of one period. ``until``: of a lease. ``watts_per_a``: for a charger that takes no amperes."""
    start = at - BEFORE
    told: dict[str, Any] = {
        "id": profile_id(evse_id, kind),
        "stack_level": 1 if kind == "lease" else 0,
        "purpose": "tx_default" if kind == "default" else "tx",
        "kind": "absolute",
        "start_at": start.isoformat(),
        "unit": "A" if watts_per_a is None else "W",
        "periods": [{"start_s": 0, "limit": limit_a if watts_per_a is None else limit_a * watts_per_a}],
    }
    if until is not None:
        told["duration_s"] = int((until - start).total_seconds())
    return told
