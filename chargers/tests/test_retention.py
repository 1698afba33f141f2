"""What is forgotten, and what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chargers import retention, tasks
from chargers.models import Charger, Exchange

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


@pytest.mark.parametrize("is_more", [True, False])
def test_the_task_calls_itself_while_there_is_more(monkeypatch: pytest.MonkeyPatch, is_more: bool) -> None:
    calls: list[int] = []
    monkeypatch.setattr(retention, "forget_old", lambda *, at: is_more)
    monkeypatch.setattr(tasks.forget_old, "delay", lambda: calls.append(1))
    tasks.forget_old()
    assert bool(calls) is is_more
