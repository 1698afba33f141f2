"""Cards tried one after the other at one charger: people are told, and for a while no card is found good there."""

from __future__ import annotations

from datetime import timedelta

from chargers.models import Exchange
from chargers.security import record_event
from gateway.call import Call
from sessions.authorization import Authorization

PER_MINUTE = 30
MINUTE = timedelta(minutes=1)
ALARM = "TokensTriedInSequence"


def judged(call: Call, verdict: Authorization) -> Authorization:
    """The verdict on a card shown at a reader; "invalid" whatever the card while too many are tried there.

    Sessions are not touched: a start tells of energy, not of a question.
    """
    since = call.at - MINUTE
    lately = Exchange.objects.filter(charger=call.charger, action=call.action, requested_at__gt=since)
    if not lately.order_by()[PER_MINUTE : PER_MINUTE + 1].exists():
        return verdict
    # One alarm a minute, however long it goes on.
    minute = call.at.replace(second=0, microsecond=0)
    detail = f"More than {PER_MINUTE} cards were shown within a minute; all are refused meanwhile."
    if record_event(call.charger, ALARM, detail=detail, device_time=minute.isoformat(), is_ours=True, at=call.at):
        call.books.changed_chargers.add(call.charger.pk)
        call.event("security", kind=ALARM, detail=detail)
    return Authorization("invalid", verdict.token)
