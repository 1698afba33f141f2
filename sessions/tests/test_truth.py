"""Registers that cannot be believed: what is in doubt is not billed, and what it most likely was is proposed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions import energy, truth
from sessions.models import ChargingSession

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def session(*, hours=1.0, first=None, first_after_s=60, **columns):
    end = BEGIN + timedelta(hours=hours)
    ended = {"stopped_at": end, "stopped_received_at": end}
    if first is not None:
        ended |= {"meter_first_wh": first, "meter_first_at": BEGIN + timedelta(seconds=first_after_s)}
    return ChargingSession(started_at=BEGIN, started_received_at=BEGIN, **{**ended, **columns})


def judged(**columns):
    it = session(**columns)
    energy.recount(it)
    return it.energy_wh, it.review_reasons


@pytest.mark.parametrize(
    ("columns", "energy_wh", "doubts"),
    [
        # a session register: it begins at 0 with each session
        ({"meter_start_wh": 0, "first": 180, "meter_stop_wh": 7400, "power_max_w": 11_000}, 7400, []),
        ({"meter_start_wh": 0, "first": 2500, "meter_stop_wh": 150_000, "power_max_w": 150_000}, 150_000, []),
        # a lifetime register behind a start of 0
        ({"meter_start_wh": 0, "first": 910_250, "meter_stop_wh": 917_500, "power_max_w": 7400}, None,
         [truth.START_IS_ZERO]),
        ({"meter_start_wh": 0, "first": 25_000, "meter_stop_wh": 32_000, "power_max_w": 7400}, None,
         [truth.START_IS_ZERO]),
        # the first reading came late: what lies between may have flowed
        ({"meter_start_wh": 0, "first": 7000, "first_after_s": 3500, "meter_stop_wh": 7400, "power_max_w": 7400},
         7400, []),
        # a lifetime register that the start tells as well
        ({"meter_start_wh": 910_000, "first": 910_100, "meter_stop_wh": 917_500, "power_max_w": 7400}, 7500, []),
        # kWh that say Wh
        ({"meter_start_wh": 1204, "meter_stop_wh": 1211, "power_max_w": 7400}, None, [truth.THOUSANDTH]),
        # a car that was full after a minute
        ({"meter_start_wh": 1204, "meter_stop_wh": 1324, "power_max_w": 7400}, 120, []),
        # nothing to compare with
        ({"meter_start_wh": 1204, "meter_stop_wh": 1211}, 7, []),
    ],
)  # fmt: skip
def test_what_is_in_doubt_is_not_billed(columns, energy_wh, doubts):
    assert judged(**columns) == (energy_wh, doubts)


@pytest.mark.parametrize(
    ("last", "before", "goes_on"),
    [
        (910_000, [903_000], True),  # more than can have flowed in an hour
        (12_000, [8000], False),  # may be a session of its own
        (40_000, [33_000, 21_000, 14_000, 6000], True),  # it has risen from session to session
        (40_000, [33_000, 21_000, 24_000, 6000], False),
        (40_000, [33_000, 21_000, 14_000], False),
        (5000, [903_000], False),
        (7000, [], False),
    ],
)
def test_a_start_that_is_always_0_is_told_by_the_sessions_before(last, before, goes_on):
    assert truth.goes_on(session(meter_start_wh=0, meter_stop_wh=last), before) is goes_on


def readings(*registers):
    return [(BEGIN + timedelta(minutes=index + 1), wh) for index, wh in enumerate(registers)]


def proposed(*, reasons=(), told=(), before_wh=None, **columns):
    it = session(**columns)
    it.review_reasons = list(reasons)
    return truth.propose(it, readings(*told), before_wh=before_wh)


def test_from_the_first_reading_on():
    found = proposed(reasons=[truth.START_IS_ZERO], told=[0, 910_250, 914_000], meter_start_wh=0, meter_stop_wh=917_500)
    assert found == truth.Proposal(7250, "From the first reading, 910.250 kWh 120 s after the start, to 917.500 kWh.")


def test_from_where_the_session_before_ended():
    found = proposed(reasons=[truth.NEVER_FROM_ZERO], meter_start_wh=0, meter_stop_wh=917_500, before_wh=910_000)
    assert found and found.energy_wh == 7500


def test_a_thousand_times_what_kwh_said():
    found = proposed(reasons=[truth.THOUSANDTH], meter_start_wh=1204, meter_stop_wh=1211, power_max_w=7400)
    assert found == truth.Proposal(7000, "A thousand times the register's difference; at most 7.4 kW flowed.")


def test_over_the_end_of_the_counter():
    found = proposed(told=[99_998_000, 500], meter_start_wh=99_997_000, meter_stop_wh=3500, power_max_w=7400)
    assert found and found.energy_wh == 6500
    assert "it rolled over at 100000.000 kWh" in found.reason


def test_a_register_that_began_anew_goes_on_from_there():
    found = proposed(told=[5000, 200], meter_start_wh=1000, meter_stop_wh=3000, power_max_w=11_000)
    assert found and found.energy_wh == 4000 + 200 + 2800
    assert "it fell from 5.000 kWh to 0.200 kWh" in found.reason


def test_a_jump_that_no_plug_can_make_is_left_out():
    found = proposed(
        told=[2000, 900_000_000, 900_002_000], meter_start_wh=1000, power_max_w=11_000, meter_last_wh=900_002_000
    )
    assert found and found.energy_wh == 1000 + 2000


def test_where_nothing_speaks_there_is_no_proposal():
    assert proposed(meter_start_wh=1000, meter_stop_wh=3000) is None
    assert proposed(meter_start_wh=1000) is None


@given(
    st.integers(0, 10**7),
    st.lists(st.integers(0, 500), min_size=2, max_size=40),
    st.floats(100, 22_000),
)
def test_an_honest_meter_is_never_doubted(first, steps, power):
    """Whatever it starts from, as long as what it counts is what may have flowed."""
    registers = [first]
    for step in steps:
        registers.append(registers[-1] + step)
    drawn = registers[-1] - first
    hours = max(drawn / power * 1.1, 0.2)
    it = session(
        hours=hours, meter_start_wh=first, meter_stop_wh=registers[-1],
        power_max_w=max(power, drawn / hours) if drawn > 300 else None,
    )  # fmt: skip
    energy.recount(it)
    assert (it.energy_wh, it.needs_review) == (drawn, False)
