"""What is forgotten, and when: the log of frames, and the histories of what stands in the street.

A month of the log is dropped at once where it is a partition (PostgreSQL), up to a month later than ``JOURNAL_DAYS``.
All else goes in portions that hold nobody up. Heartbeats, most of the log and of no interest next week, go after 7 days
(`chargers.presence` keeps when a charger was heard).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Model, Q, QuerySet

from chargers import orders_past, revocation, uploads
from chargers.models import (
    Boot,
    Breach,
    Connection,
    DeadLetter,
    Exchange,
    PresenceHour,
    SecurityEvent,
    StatusChange,
    Transfer,
)
from chargers.partitions import Monthly, by_time

HEARTBEAT = "Heartbeat"
HEARTBEATS_AFTER = timedelta(days=7)
PORTION = 1000  # rows in one transaction: some 10 ms in which SQLite takes no frame
JOURNAL = Monthly("chargers_exchange", "requested_at", by_time)

Step = Callable[[], int]  # deletes a portion; how many rows that were


@dataclass(frozen=True, slots=True)
class Rule:
    """How many days a model's rows are kept says a setting (0: for ever); their time grows with their key."""

    model: type[Model]
    column: str
    setting: str
    only: Q = field(default_factory=Q)  # what may go at all

    def days(self) -> int:
        return int(getattr(settings, self.setting))


RULES = (
    Rule(PresenceHour, "hour", "PRESENCE_DAYS"),
    Rule(StatusChange, "received_at", "STATUS_DAYS"),
    Rule(Transfer, "received_at", "STATUS_DAYS"),
    Rule(Connection, "connected_at", "CONNECTION_DAYS", only=Q(disconnected_at__isnull=False)),
    Rule(Boot, "received_at", "BOOT_DAYS"),
    Rule(SecurityEvent, "received_at", "SECURITY_EVENT_DAYS"),
    # One that nobody has replayed is not stored anywhere else.
    Rule(DeadLetter, "received_at", "DEAD_LETTER_DAYS", only=Q(replayed_at__isnull=False)),
)


def forget_old(*, at: datetime, patience_s: float = 20.0) -> bool:
    """Delete what is too old; True if there was more than could be deleted in that time."""
    horizon = at - timedelta(days=settings.JOURNAL_DAYS)
    JOURNAL.drop_before(horizon)
    Breach.objects.filter(last_at__lt=horizon).delete()
    log_files_before = at - timedelta(days=settings.LOG_FILE_DAYS)
    return in_portions(
        [
            lambda: _forget_exchanges(horizon),
            lambda: _forget_heartbeats(at - HEARTBEATS_AFTER),
            lambda: uploads.forget(before=log_files_before) if settings.LOG_FILE_DAYS else 0,
            lambda: revocation.forget(before=at),
            *(step(rule, at=at) for rule in RULES if rule.days()),
            *orders_past.steps(at - timedelta(days=settings.ORDER_DAYS), portion=PORTION if settings.ORDER_DAYS else 0),
        ],
        patience_s=patience_s,
    )


def in_portions(steps: Iterable[Step], *, patience_s: float) -> bool:
    """Repeat each step until it finds nothing; True if patience ended first."""
    began = time.monotonic()
    for forget in steps:
        while forget():
            if time.monotonic() - began > patience_s:
                return True
    return False


def step(rule: Rule, *, at: datetime) -> Step:
    before = at - timedelta(days=rule.days())
    return lambda: delete_oldest(rule.model._default_manager.filter(rule.only), rule.column, before)


def delete_oldest(rows: QuerySet[Any], column: str, before: datetime) -> int:
    """Delete a portion of the oldest rows; how many.

    Oldest by key, which grows with time: an index on the time alone would cost each frame for one query a day.
    """
    found = rows.order_by("pk").values_list("pk", column)[:PORTION]
    pks = [pk for pk, moment in found if moment < before]
    rows.model._default_manager.filter(pk__in=pks).delete()
    return len(pks)


def _forget_exchanges(before: datetime) -> int:
    if connection.vendor != "postgresql":
        return delete_oldest(Exchange.objects.all(), "requested_at", before)
    # Whole months are dropped. What lies beside them belongs to no month that there is.
    return delete_from(JOURNAL.default, "requested_at < %s", [before])


def _forget_heartbeats(before: datetime) -> int:
    rows = Exchange.objects.filter(action=HEARTBEAT, requested_at__lt=before)
    pks = list(rows.order_by("requested_at").values_list("pk", flat=True)[:PORTION])
    rows.filter(pk__in=pks).delete()
    return len(pks)


def delete_from(table: str, condition: str, params: Sequence[Any]) -> int:
    """Delete a portion of a partition's rows; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} ORDER BY id LIMIT {PORTION})",  # noqa: S608
            params,
        )
        return int(cursor.rowcount)
