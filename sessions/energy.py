"""How much a session has drawn, told from its registers alone. Pure: changes the instance, writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chargers.sentences import phrase
from sessions import truth
from sessions.models import ChargingSession

# No plug delivers more than the Megawatt Charging System (1,250 V × 3,000 A); the slack forgives a coarse clock.
LARGEST_POWER_W = 3_750_000
SLACK_WH = 100_000
# What `recount` and `review` may change.
COLUMNS = ("energy_wh", "needs_review", "review_reasons", "stale_from", "proposed_at")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

BACKWARDS = phrase("The meter ran backwards: its last register is below its first.")
IMPLAUSIBLE = phrase("The meter shows more energy than a plug can deliver in that time.")
END_IS_MISSING = phrase("The charger says that it is over and holds no message back, but no end of it came.")
AFTERWARDS = phrase("It was told more about it after it was reviewed; look whether the decision still holds.")
NO_END = phrase("The charger sent no final register; energy counts up to its last reading.")


def is_possible(energy_wh: float, *, over: timedelta) -> bool:
    """Whether a plug can have delivered ``energy_wh`` in that time."""
    hours = max(over.total_seconds(), 0.0) / 3600
    return 0 <= energy_wh <= SLACK_WH + LARGEST_POWER_W * hours


def recount(session: ChargingSession, *, since: datetime | None = None) -> None:
    """Set ``energy_wh``: last minus first register; None, and flagged, where the registers cannot be believed.

    ``since``: what was told before is as it was; its hours need not be rolled up again. None: all of them. What people
    have decided stands; registers that changed afterwards put it back on their pile.
    """
    stale_from = (since or BEGINNING).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    session.stale_from = min(stale_from, session.stale_from or stale_from)
    if session.reviewed_at is not None:
        review(session, AFTERWARDS)
        return
    session.proposed_at = None  # what was proposed on other registers is worked out anew
    if session.stopped_at is not None:
        withdraw(session, END_IS_MISSING)
    first, last = session.meter_start_wh, session.meter_stop_wh
    if last is None and session.meter_last_wh is not None:
        last = round(session.meter_last_wh)
        if session.stopped_at is not None:
            review(session, NO_END)
    else:
        withdraw(session, NO_END)
    if first is None or last is None:
        session.energy_wh = None
        return
    drawn = last - first
    end = session.stopped_at or session.metered_at or session.started_at
    doubts = truth.doubts(session)
    withdraw(session, *({truth.START_IS_ZERO, truth.THOUSANDTH} - set(doubts)))
    for doubt in doubts:
        review(session, doubt)
    if is_possible(drawn, over=_duration(session, end)):
        session.energy_wh = None if set(session.review_reasons).intersection(truth.REASONS) else drawn
        withdraw(session, BACKWARDS, IMPLAUSIBLE)
    else:
        session.energy_wh = None
        review(session, BACKWARDS if drawn < 0 else IMPLAUSIBLE)


def _duration(session: ChargingSession, end: datetime) -> timedelta:
    # A charger whose clock jumped tells a duration of nothing or less; what passed here is then the better witness.
    received = (session.stopped_received_at or end) - session.started_received_at
    return max(end - session.started_at, received)


def review(session: ChargingSession, reason: str) -> None:
    """Put a session on the pile for people, with a sentence that says why; once per reason."""
    session.needs_review = True
    if reason not in session.review_reasons:
        session.review_reasons = sorted([*session.review_reasons, reason])


def withdraw(session: ChargingSession, *reasons: str) -> None:
    """Take back reasons that later messages explained."""
    if any(reason in session.review_reasons for reason in reasons):
        session.review_reasons = [reason for reason in session.review_reasons if reason not in reasons]
        session.needs_review = bool(session.review_reasons)
