"""Sessions told by numbered events of which some are missing: the station is asked whether it still holds them (2.x).

What comes fills the gap by itself. What it says of a session that we hold open and it does not, goes to people
(`sessions.review`). Asked after a while without an event, three times at most, for a station sends its queue by itself;
and never of a station that is being certified.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, Max, OuterRef, QuerySet

from chargers import commands
from chargers.models import Command, CommandStatus
from sessions.models import ChargingSession

VERB = "session_status"
VIA = "missing events"
# So long after the last event, whichever it was; later ones are for a station that was offline meanwhile.
ASKED_AFTER = (timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=2))
LONGEST_BACK = timedelta(days=1)
PAUSE = timedelta(minutes=5)  # between two questions to one station
AT_ONCE = 200


def ask(*, at: datetime) -> int:
    """Order what is due; how many stations were asked. Safe to repeat: each question is asked once."""
    asked: set[int] = set()
    for session in _waiting(at)[:AT_ONCE]:
        if session.charger_id in asked:
            continue
        turn = sum(at - session.last_event_at >= after for after in ASKED_AFTER)  # type: ignore[attr-defined]
        key = f"gap {session.pk} {turn}"
        commands.request(
            session.charger, VERB, arguments={"session_id": session.pk}, via=VIA, ttl_s=600, idempotency_key=key
        )
        asked.add(session.charger_id)
    return len(asked)


def _waiting(at: datetime) -> QuerySet[ChargingSession]:
    """Sessions of late that lack events, whose stations are here, idle and have not just been asked."""
    orders = Command.objects.filter(charger=OuterRef("charger"))
    is_busy = orders.filter(status__in=CommandStatus.open())
    was_asked = orders.filter(verb=VERB, created_at__gt=at - PAUSE)
    return (
        ChargingSession.objects.filter(
            ~Exists(is_busy), ~Exists(was_asked),
            is_incomplete=True, last_seq_no__isnull=False, started_received_at__gt=at - LONGEST_BACK,
            charger__is_online=True, charger__is_booted=True, charger__is_strict=False,
        )
        .annotate(last_event_at=Max("events__received_at"))
        .filter(last_event_at__lte=at - ASKED_AFTER[0])
        .select_related("charger")
        .order_by("?")  # those that were asked already must not stand before the others
    )  # fmt: skip
