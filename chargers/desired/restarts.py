"""Restarts of chargers that hold a written setting which is in force after their next boot only."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from chargers import commands
from chargers.desired.news import announce
from chargers.models import Charger, Command, CommandStatus, Connector, ConnectorStatus, Rollout, Write
from chargers.models.desired import UNDER_WAY

Status = Write.Status
# A charger is idle while none of its plugs has one of these.
BUSY = (
    ConnectorStatus.PREPARING, ConnectorStatus.OCCUPIED, ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.FINISHING, ConnectorStatus.RESERVED,
)  # fmt: skip
RESTART_TAKES = timedelta(minutes=10)  # so long a restart that was ordered may take before it is ordered again


def order_where_idle(rollout: Rollout) -> None:
    """Restart those that wait for nothing else and have no car."""
    unfinished = Write.objects.filter(status__in=(Status.WAITING, *UNDER_WAY)).values("charger")
    cars = Connector.objects.filter(status__in=BUSY, evse_id__gt=0).values("charger")
    waiting = rollout.writes.filter(status=Status.REBOOT, charger__is_online=True).select_related("charger")
    ready = waiting.exclude(charger__in=unfinished).exclude(charger__in=cars)
    order(ready, by=rollout.requested_by, via="settings in force", is_once=True)


def order(writes: QuerySet[Write], *, by: AbstractBaseUser | None, via: str, is_once: bool = False) -> list[Command]:
    """A soft restart for each charger of these writes, unless one is under way.

    ``is_once``: nor if there was any since the write, whatever became of it; what nobody watches never loops.
    """
    chargers: dict[int, Charger] = {write.charger_id: write.charger for write in writes}
    if not chargers:
        return []
    written = {write.charger_id: write.written_at for write in writes if write.written_at}
    earlier = Command.objects.filter(charger__in=chargers, verb="reset").order_by()
    if not is_once:
        given_up = (CommandStatus.REJECTED, CommandStatus.FAILED, CommandStatus.CANCELLED, CommandStatus.TIMEOUT)
        earlier = earlier.exclude(status__in=given_up).filter(created_at__gt=timezone.now() - RESTART_TAKES)
    lately = {
        charger_id
        for charger_id, created_at in earlier.values_list("charger", "created_at")
        if charger_id not in written or created_at > written[charger_id]
    }
    told = [
        commands.request(charger, "reset", arguments={"kind": "soft"}, by=by, via=via)
        for pk, charger in sorted(chargers.items())
        if pk not in lately
    ]
    announce(chargers.keys())
    return told
