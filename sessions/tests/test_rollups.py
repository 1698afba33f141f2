"""The hours of sessions: they add up to what the registers tell, in whatever order and however often it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargers.models import Charger
from sessions import rollups
from sessions.events import Message
from sessions.models import ChargingSession, MeterValue, SessionHour
from sessions.readings import Reading, ReadingBook
from sessions.rollups import Point, split
from sessions.starting import Start, start_all
from sessions.stopping import Stop, stop_all
from sessions.units import sample

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def begin(charger: Charger, minute: float = 0, wh: int = 1000) -> ChargingSession:
    told = Start(1, "CARD", wh, at(minute).isoformat(), {"minute": minute})
    (started,) = start_all([Message(charger, told, at(minute))])
    return started.session


def end(session: ChargingSession, minute: float, wh: int) -> None:
    told = Stop(session.pk, wh, at(minute).isoformat(), "Local", {"wh": wh})
    stop_all([Message(session.charger, told, at(minute))])


def read(session: ChargingSession, minute: float, wh: float | None = None, *, power_w: float | None = None) -> None:
    book = ReadingBook()
    samples = [] if wh is None else [sample(str(wh))]
    samples += [] if power_w is None else [sample(str(power_w), measurand="Power.Active.Import", unit="W")]
    book.add(
        Reading(session.charger_id, 1, samples, at(minute), device_time=at(minute).isoformat(), session_id=session.pk)
    )
    book.write()


def hours(**of: Any) -> list[tuple[int, int]]:
    """Hour of the day and its energy in whole Wh."""
    return [(row.hour.hour, round(row.energy_wh)) for row in SessionHour.objects.filter(**of)]


def everything() -> list[tuple[Any, ...]]:
    names = [field.attname for field in SessionHour._meta.concrete_fields if not field.primary_key]
    return list(SessionHour.objects.order_by("session", "hour").values_list(*names))


def test_each_hour_has_what_its_registers_tell(cp1):
    session = begin(cp1, 50, 1000)
    for minute, wh in ((60, 2000), (90, 5000), (120, 8000)):
        read(session, minute, wh)
    end(session, 130, 9000)
    assert rollups.roll_up() is False
    assert hours() == [(12, 1000), (13, 6000), (14, 1000)]


def test_between_two_readings_the_register_rises_evenly(cp1):
    session = begin(cp1, 30, 0)
    end(session, 150, 4000)
    rollups.roll_up()
    assert hours() == [(12, 1000), (13, 2000), (14, 1000)]


def test_an_hour_knows_its_peak_how_long_it_charged_and_who_came_and_went(cp1):
    session = begin(cp1, 0, 0)
    read(session, 20, 3000, power_w=9000)
    read(session, 40, 3000, power_w=11000)
    read(session, 50, 4000, power_w=10000)
    end(session, 90, 4000)
    rollups.roll_up()
    first, last = SessionHour.objects.all()
    assert (first.peak_power_w, first.charging_s) == (11000, 30 * 60)
    assert (first.has_begun, first.has_ended, last.has_begun, last.has_ended) == (True, False, False, True)
    assert (last.peak_power_w, last.charging_s) == (None, 0)


def test_a_reading_that_comes_days_late_puts_its_hours_right(cp1):
    session = begin(cp1, 0, 0)
    end(session, 120, 4000)
    rollups.roll_up()
    assert hours() == [(12, 2000), (13, 2000), (14, 0)]
    read(session, 60, 3500)
    rollups.roll_up()
    assert hours() == [(12, 3500), (13, 500), (14, 0)]


def test_hours_in_which_nothing_happened_have_no_row(cp1):
    session = begin(cp1, 0, 0)
    for minute in range(5, 600, 20):
        read(session, minute, 500)
        rollups.roll_up()
    assert [row.hour.hour for row in SessionHour.objects.all()] == [12, 21]


def test_a_register_told_after_hours_of_silence_belongs_to_those_hours_too(cp1):
    session = begin(cp1, 0, 0)
    read(session, 30, 1000)
    read(session, 100, power_w=2000)
    rollups.roll_up()
    read(session, 150, 5000)
    rollups.roll_up()
    assert hours() == [(12, 2000), (13, 2000), (14, 1000)]


def test_where_the_registers_cannot_be_believed_no_hour_tells_an_energy(cp1):
    session = begin(cp1, 0, 5000)
    read(session, 30, 6000, power_w=2000)
    rollups.roll_up()
    end(session, 90, 10)
    rollups.roll_up()
    assert hours() == [(12, 0), (13, 0)]
    assert SessionHour.objects.earliest("hour").peak_power_w == 2000


def test_rolling_up_marks_nothing_and_what_is_not_marked_is_left_alone(cp1, django_assert_num_queries):
    begin(cp1)
    rollups.roll_up()
    assert not ChargingSession.objects.exclude(stale_from=None).exists()
    with django_assert_num_queries(1):
        rollups.roll_up()


def test_sessions_that_go_on_take_turns_and_those_that_have_ended_wait_for_none(cp1, cp2):
    going_on, ended = begin(cp1, 0, 0), begin(cp2, 0, 0)
    for session in (going_on, ended):
        read(session, 30, 1000)
    end(ended, 40, 1500)
    others_turn = going_on.pk + 1
    rollups.roll_up(others_turn)
    assert set(SessionHour.objects.values_list("session", flat=True)) == {ended.pk}
    rollups.roll_up(going_on.pk)
    assert hours(session=going_on) == [(12, 1000)]


def test_a_session_that_changes_its_connector_takes_its_hours_along(cp1):
    session = begin(cp1, 0, 0)
    read(session, 30, 1000)
    rollups.roll_up()
    ChargingSession.objects.update(evse_id=2)
    assert SessionHour.objects.get().session.evse_id == 2


def test_what_patience_leaves_undone_is_done_next_time(cp1, cp2, monkeypatch):
    monkeypatch.setattr(rollups, "PORTION", 1)
    begin(cp1)
    begin(cp2)
    assert rollups.roll_up(patience_s=-1) is True
    assert not SessionHour.objects.exists()
    assert rollups.roll_up() is False
    assert SessionHour.objects.count() == 2


readings = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 90) | st.none(), st.integers(0, 22) | st.none()),
    max_size=8, unique_by=lambda told: told[0],
)  # fmt: skip


@pytest.mark.django_db
@settings(max_examples=25)
@given(told=readings, looks=st.sets(st.integers(0, 8)), until=st.integers(0, 400), is_told_late=st.booleans())
def test_however_it_is_told_and_however_often_rolled_up_the_hours_add_up_to_the_session(
    told, looks, until, is_told_late
):
    """``told``: minute, kWh since the start and kW of each reading; ``looks``: before which of them it is rolled up."""
    for table in (SessionHour, MeterValue, ChargingSession):
        table.objects.all().delete()
    charger, _ = Charger.objects.get_or_create(identity="CP-1", identity_folded="cp-1")
    session = begin(charger, 0, 1000)
    if is_told_late:
        end(session, until, 1000 + 100_000)
    for number, (minute, kwh, kw) in enumerate(told):
        if number in looks:
            rollups.roll_up()
        if kwh is not None or kw is not None:
            read(session, minute, None if kwh is None else 1000 + 1000 * kwh, power_w=None if kw is None else 1000 * kw)
    if not is_told_late:
        end(session, until, 1000 + 100_000)
    rollups.roll_up()
    session.refresh_from_db()
    total_wh = sum(row.energy_wh for row in SessionHour.objects.all())
    assert total_wh == pytest.approx(session.energy_wh or 0, abs=1)
    assert all(row.energy_wh >= 0 and 0 <= row.charging_s <= 3600 for row in SessionHour.objects.all())
    piecemeal = everything()
    ChargingSession.objects.update(stale_from=NOON - timedelta(days=1))
    SessionHour.objects.all().delete()
    rollups.roll_up()
    assert piecemeal == everything(), "bit by bit is the same as at once"


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1e6)), min_size=2, max_size=10))
def test_energy_is_neither_lost_nor_made_between_hours(told):
    told.sort()
    first_wh, last_wh = told[0][1], told[-1][1]
    drawn_wh = sum(hour.energy_wh for hour in split([Point(at(minute), wh) for minute, wh in told]).values())
    assert drawn_wh == pytest.approx(max(0, last_wh - first_wh), abs=1e-3)
