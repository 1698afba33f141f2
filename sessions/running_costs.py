"""What running sessions have cost so far, told to the stations that want to show it (OCPP 2.x part 2, I02).

The answers to a session's events say it already. This is for the time between them: a station that counts minutes, or
tells its meter seldom, would show an old sum. Told only to a station whose configuration asks for it, when it has heard
nothing for a while, the sum has changed, and no other order waits for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from chargers import commands
from chargers.models import Command, CommandStatus, Setting
from sessions import costs, tariffs
from sessions.models import ChargingSession, SessionEvent

VERB = "update_cost"
VIA = "tariff"
AT_ONCE = 300  # a yard full of such stations is told in turn, and each has its orders meanwhile


def tell(*, at: datetime) -> int:
    """Order what is due; how many orders that are. Safe to repeat: each sum of a session is told once."""
    every_s = settings.COST_UPDATES_S
    if not every_s:
        return 0
    waiting = list(_waiting(at - timedelta(seconds=every_s))[:AT_ONCE])
    tariffs.load(waiting)
    count = 0
    for session in waiting:
        if (cost := costs.of(session, at=at)) is None or not cost.amount:
            continue
        commands.request(
            session.charger,
            VERB,
            arguments={"session_id": session.pk, "total_cost": float(cost.amount)},
            via=VIA,
            ttl_s=every_s,
            idempotency_key=f"cost {session.pk} {cost.amount}",
        )
        count += 1
    return count


def _waiting(since: datetime) -> QuerySet[ChargingSession]:
    """Running sessions with a tariff whose stations want to hear, and have heard nothing since then."""
    of_it = {"charger": OuterRef("charger")}
    asks = Setting.objects.filter(
        **of_it, component="TariffCostCtrlr", name="Enabled", instance="Cost", attribute="Actual", value__iexact="true"
    )
    is_busy = Command.objects.filter(**of_it, status__in=CommandStatus.open())
    was_told = Command.objects.filter(**of_it, verb=VERB, created_at__gt=since)
    has_spoken = SessionEvent.objects.filter(session=OuterRef("pk"), received_at__gt=since)
    return (
        ChargingSession.objects.filter(
            Exists(asks), ~Exists(is_busy), ~Exists(was_told), ~Exists(has_spoken),
            stopped_at=None, is_superseded=False, tariff__isnull=False, energy_wh__gt=0,
            charger__is_online=True, charger__is_booted=True, charger__is_strict=False,
        )
        .select_related("charger")
        # Who has nothing new to hear is due again at once, and must not stand before the others for ever.
        .order_by("?")
    )  # fmt: skip
