"""What is forgotten, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chargers import retention, tasks
from chargers.models import (
    Boot,
    Charger,
    Connection,
    DeadLetter,
    Exchange,
    PresenceHour,
    SecurityEvent,
    StatusChange,
    Transfer,
)

NOW = timezone.now()


def keep(charger: Charger, *days_ago: float, action: str = "MeterValues") -> None:
    Exchange.objects.bulk_create(
        Exchange(charger=charger, epoch=1, origin="charger", action=action, requested_at=NOW - timedelta(days=days))
        for days in days_ago
    )


def ages() -> set[tuple[str, int]]:
    return {(row.action, (NOW - row.requested_at).days) for row in Exchange.objects.all()}


def test_the_log_goes_back_as_far_as_it_is_told(cp1: Charger, settings: Any) -> None:
    settings.JOURNAL_DAYS = 30
    keep(cp1, 400, 31, 29, 0)
    assert retention.forget_old(at=NOW) is False
    assert ages() == {("MeterValues", 29), ("MeterValues", 0)}


def test_heartbeats_go_after_a_week(cp1: Charger) -> None:
    keep(cp1, 20, 8, 6)
    keep(cp1, 20, 8, 6, action="Heartbeat")
    retention.forget_old(at=NOW)
    assert ages() == {("MeterValues", 20), ("MeterValues", 8), ("MeterValues", 6), ("Heartbeat", 6)}


def test_what_is_old_goes_in_portions(cp1: Charger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 10)
    keep(cp1, *[100] * 25)
    with CaptureQueriesContext(connection) as queries:
        assert retention.forget_old(at=NOW) is False
    assert len([query for query in queries if query["sql"].startswith('DELETE FROM "chargers_exchange"')]) == 3
    assert not Exchange.objects.exists()


def test_a_long_list_is_deleted_in_several_turns(cp1: Charger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 10)
    keep(cp1, *[100] * 25)
    assert retention.forget_old(at=NOW, patience_s=0) is True
    assert Exchange.objects.count() == 15


def test_on_sqlite_there_are_no_partitions_and_nothing_to_do(db: None) -> None:
    retention.JOURNAL.make_ahead(at=NOW)
    assert retention.JOURNAL.drop_before(NOW) == 0


@pytest.mark.parametrize(
    ("setting", "make"),
    [
        ("PRESENCE_DAYS", lambda charger, at: PresenceHour.objects.create(charger=charger, hour=at)),
        ("STATUS_DAYS", lambda charger, at: StatusChange.objects.create(charger=charger, evse_id=1, received_at=at)),
        ("CONNECTION_DAYS", lambda charger, at: connection_row(charger, at, ended_at=at)),
        (
            "STATUS_DAYS",
            lambda charger, at: Transfer.objects.create(
                charger=charger, kind=Transfer.Kind.LOG, status="Uploaded", received_at=at
            ),
        ),
        (
            "BOOT_DAYS",
            lambda charger, at: Boot.objects.create(
                charger=charger, received_at=at, epoch=1, verdict="Accepted", interval_s=300
            ),
        ),
        (
            "SECURITY_EVENT_DAYS",
            lambda charger, at: SecurityEvent.objects.create(charger=charger, received_at=at, key=uuid4()),
        ),
        (
            "DEAD_LETTER_DAYS",
            lambda charger, at: DeadLetter.objects.create(charger=charger, received_at=at, replayed_at=at),
        ),
    ],
)
def test_each_history_goes_back_as_far_as_it_is_told(
    cp1: Charger, settings: Any, setting: str, make: Callable[[Charger, datetime], Model]
) -> None:
    old, young = make(cp1, NOW - timedelta(days=101)), make(cp1, NOW - timedelta(days=99))
    setattr(settings, setting, 0)
    retention.forget_old(at=NOW)
    assert type(old)._default_manager.count() == 2, "0 is for ever"
    setattr(settings, setting, 100)
    retention.forget_old(at=NOW)
    assert list(type(old)._default_manager.all()) == [young]


def connection_row(charger: Charger, at: datetime, *, ended_at: datetime | None) -> Connection:
    return Connection.objects.create(
        charger=charger, epoch=at.timestamp(), gateway="gate-1", connected_at=at, disconnected_at=ended_at
    )


def test_a_connection_that_lasts_is_not_forgotten(cp1: Charger) -> None:
    connection_row(cp1, NOW - timedelta(days=5000), ended_at=None)
    retention.forget_old(at=NOW)
    assert Connection.objects.exists()


def test_a_dead_letter_waits_for_its_replay_for_ever(cp1: Charger) -> None:
    DeadLetter.objects.create(charger=cp1, received_at=NOW - timedelta(days=5000))
    retention.forget_old(at=NOW)
    assert DeadLetter.objects.exists()


@pytest.mark.parametrize("is_more", [True, False])
def test_the_task_calls_itself_while_there_is_more(monkeypatch: pytest.MonkeyPatch, is_more: bool) -> None:
    calls: list[int] = []
    monkeypatch.setattr(retention, "forget_old", lambda *, at: is_more)
    monkeypatch.setattr(tasks.forget_old, "delay", lambda: calls.append(1))
    tasks.forget_old()
    assert bool(calls) is is_more
