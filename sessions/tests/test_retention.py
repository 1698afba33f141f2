"""What is forgotten of sessions, and what an open or disputed one keeps. With partitions: `portal/tests/storage/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers.models import Charger, Notice
from sessions import retention
from sessions.models import ChargingSession, MeterValue

NOW = timezone.now()
THEN = NOW - timedelta(days=101)
ENDED = {"stopped_at": THEN + timedelta(hours=1)}


def begin(charger: Charger, **fields: Any) -> ChargingSession:
    return ChargingSession.objects.create(charger=charger, started_at=THEN, started_received_at=THEN, **fields)


def meter(charger: Charger, session: ChargingSession | None = None, *, days_ago: float = 101) -> MeterValue:
    at = NOW - timedelta(days=days_ago)
    return MeterValue.objects.create(
        charger=charger, session=session, measured_at=at, received_at=at, key=uuid4(), digest=uuid4()
    )


@pytest.fixture(autouse=True)
def a_hundred_days(settings: Any) -> None:
    settings.METER_VALUE_DAYS = settings.NOTICE_DAYS = 100


def test_meter_values_go_when_they_are_old(cp1: Charger) -> None:
    meter(cp1, begin(cp1, transaction_id="1", **ENDED))
    meter(cp1)
    young = meter(cp1, days_ago=99)
    assert retention.forget_old(at=NOW) is False
    assert MeterValue.objects.get() == young


@pytest.mark.parametrize("need", [{}, {**ENDED, "needs_review": True}, {**ENDED, "stale_from": THEN}])
def test_what_a_session_still_needs_stays_however_old(cp1: Charger, need: dict[str, Any]) -> None:
    meter(cp1, begin(cp1, **need))
    retention.forget_old(at=NOW)
    assert MeterValue.objects.exists()


def test_kept_rows_do_not_hide_those_behind_them(cp1: Charger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chargers.retention.PORTION", 2)
    kept = begin(cp1)
    for _ in range(5):
        meter(cp1, kept)
    for _ in range(5):
        meter(cp1)
    retention.forget_old(at=NOW)
    assert [row.session for row in MeterValue.objects.all()] == [kept] * 5


def test_zero_days_is_for_ever(cp1: Charger, settings: Any) -> None:
    settings.METER_VALUE_DAYS = settings.NOTICE_DAYS = 0
    meter(cp1, days_ago=5000)
    Notice.objects.create(charger=cp1, kind="cost", payload={}, received_at=NOW - timedelta(days=5000))
    retention.forget_old(at=NOW)
    assert (MeterValue.objects.count(), Notice.objects.count()) == (1, 1)


def test_a_notice_goes_unless_its_session_is_open_or_disputed(cp1: Charger) -> None:
    begin(cp1, transaction_id="open")
    begin(cp1, transaction_id="over", **ENDED)
    begin(cp1, transaction_id="disputed", needs_review=True, **ENDED)
    for key in ("", "open", "over", "disputed"):
        Notice.objects.create(charger=cp1, kind="cost", key=key, payload={}, received_at=THEN)
    retention.forget_old(at=NOW)
    assert set(Notice.objects.values_list("key", flat=True)) == {"open", "disputed"}
