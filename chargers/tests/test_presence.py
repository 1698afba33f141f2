"""When a charger was heard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chargers.models import Charger, PresenceHour
from chargers.presence import PresenceBook

AT = datetime(2026, 5, 1, 10, 17, 30, tzinfo=UTC)


def hear(*heard: tuple[Charger, datetime], heartbeat: bool = False) -> None:
    book = PresenceBook()
    for charger, at in heard:
        book.heard(charger, at, heartbeat=heartbeat)
    book.write()


def test_the_moment_and_the_minute_are_kept(cp1: Charger) -> None:
    hear((cp1, AT))
    cp1.refresh_from_db()
    assert cp1.last_heard_at == AT
    assert cp1.last_heartbeat_at is None
    hour = PresenceHour.objects.get()
    assert (hour.hour, hour.minutes_heard, hour.heartbeats) == (AT.replace(minute=0, second=0), 1 << 17, 0)


def test_minutes_add_up_and_heartbeats_are_counted(cp1: Charger) -> None:
    hear((cp1, AT), heartbeat=True)
    hear((cp1, AT + timedelta(seconds=10)), (cp1, AT + timedelta(minutes=42)), heartbeat=True)
    hour = PresenceHour.objects.get()
    assert hour.minutes_heard == 1 << 17 | 1 << 59
    assert hour.heartbeats == 3
    cp1.refresh_from_db()
    assert cp1.last_heartbeat_at == AT + timedelta(minutes=42)


def test_each_hour_has_its_row(cp1: Charger) -> None:
    hear((cp1, AT), (cp1, AT + timedelta(hours=1)))
    assert PresenceHour.objects.count() == 2


def test_a_heartbeat_of_one_is_none_of_another(cp1: Charger, cp2: Charger) -> None:
    book = PresenceBook()
    book.heard(cp1, AT, heartbeat=True)
    book.heard(cp2, AT)
    book.write()
    cp1.refresh_from_db()
    cp2.refresh_from_db()
    assert (cp1.last_heartbeat_at, cp2.last_heartbeat_at) == (AT, None)
    assert cp2.last_heard_at == AT


def test_a_batch_of_two_hundred_is_two_statements(
    make_charger: Callable[..., Charger], django_assert_num_queries: Callable[..., object]
) -> None:
    chargers = [make_charger(f"CP-{number}") for number in range(200)]
    with django_assert_num_queries(2):  # type: ignore[attr-defined]
        hear(*((charger, AT) for charger in chargers), heartbeat=True)


@pytest.mark.django_db
def test_an_empty_book_writes_nothing(django_assert_num_queries: Callable[..., object]) -> None:
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        PresenceBook().write()
