"""What is forgotten of sessions: their meter values, once the hours are rolled up, and what else was told of them.

Sessions, their events and their hours are accounts and stay. So does all that a session needs that runs, that somebody
has to look at, or whose hours are not rolled up yet. Notices are forgotten here, for they may speak of a session.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from chargers import retention
from chargers.models import Notice
from chargers.partitions import Monthly
from chargers.rows import first_key
from sessions.models import ChargingSession, MeterValue

METER_VALUES = Monthly("charging_sessions_metervalue", "key", first_key)
NEEDS_ITS_ROWS = (
    Q(stopped_at=None, is_superseded=False) | Q(needs_review=True) | Q(stale_from__isnull=False)
)  # `_NEEDED` says the same in SQL
_NEEDED = (
    "session_id IN (SELECT id FROM charging_sessions_chargingsession WHERE stopped_at IS NULL AND NOT is_superseded "
    "UNION ALL SELECT id FROM charging_sessions_chargingsession WHERE needs_review "
    "UNION ALL SELECT id FROM charging_sessions_chargingsession WHERE stale_from IS NOT NULL)"
)


def forget_old(*, at: datetime, patience_s: float = 20.0) -> bool:
    """Delete what is too old; True if there was more than could be deleted in that time."""
    steps: list[retention.Step] = []
    if settings.METER_VALUE_DAYS:
        horizon = at - timedelta(days=settings.METER_VALUE_DAYS)
        METER_VALUES.drop_before(horizon, but=_NEEDED)
        steps.append(lambda: _forget_meter_values(horizon))
    if settings.NOTICE_DAYS:
        steps.append(lambda: _forget_notices(at - timedelta(days=settings.NOTICE_DAYS)))
    return retention.in_portions(steps, patience_s=patience_s)


def _forget_meter_values(before: datetime) -> int:
    if connection.vendor == "postgresql":
        # Whole months are dropped. What lies beside them came with no time, or with one of a month that is gone.
        condition = f"received_at < %s AND (session_id IS NULL OR NOT {_NEEDED})"
        return retention.delete_from(METER_VALUES.default, condition, [before])
    needed = Exists(ChargingSession.objects.filter(NEEDS_ITS_ROWS, pk=OuterRef("session")))
    return retention.delete_oldest(MeterValue.objects.filter(~needed), "received_at", before)


def _forget_notices(before: datetime) -> int:
    needed = ChargingSession.objects.filter(
        NEEDS_ITS_ROWS, charger=OuterRef("charger"), transaction_id=OuterRef("key")
    ).exclude(transaction_id="")
    return retention.delete_oldest(Notice.objects.filter(~Exists(needed)), "received_at", before)
