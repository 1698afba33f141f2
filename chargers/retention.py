"""The log of frames does not grow for ever: what is old goes, in portions that hold nobody up.

Everything is deleted after ``JOURNAL_DAYS``; heartbeats, most of the log and of no interest next week, after 7 days
(`chargers.presence` keeps when a charger was heard).
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import takewhile

from django.conf import settings

from chargers.models import Breach, Exchange

HEARTBEAT = "Heartbeat"
HEARTBEATS_AFTER = timedelta(days=7)
PORTION = 1000  # rows in one transaction: some 10 ms in which SQLite takes no frame


def forget_old(*, at: datetime, patience_s: float = 20.0) -> bool:
    """Delete what is too old; True if there was more than could be deleted in that time."""
    began = time.monotonic()
    Breach.objects.filter(last_at__lt=at - timedelta(days=settings.JOURNAL_DAYS)).delete()
    while _forget_portion(at):
        if time.monotonic() - began > patience_s:
            return True
    return False


def _forget_portion(at: datetime) -> int:
    pks = _oldest(at - timedelta(days=settings.JOURNAL_DAYS)) or _heartbeats(at - HEARTBEATS_AFTER)
    Exchange.objects.filter(pk__in=pks).delete()
    return len(pks)


def _oldest(before: datetime) -> list[int]:
    # By key, which grows with time: an index on the time alone would cost each frame for this one query a day.
    rows = Exchange.objects.order_by("pk").values_list("pk", "requested_at")[:PORTION]
    return [pk for pk, _ in takewhile(lambda row: row[1] < before, rows)]


def _heartbeats(before: datetime) -> list[int]:
    rows = Exchange.objects.filter(action=HEARTBEAT, requested_at__lt=before).order_by("requested_at")
    return list(rows.values_list("pk", flat=True)[:PORTION])
