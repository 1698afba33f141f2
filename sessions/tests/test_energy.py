from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessions import energy
from sessions.models import ChargingSession

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def session(*, hours=1.0, **columns):
    end = BEGIN + timedelta(hours=hours)
    ended = {"stopped_at": end, "stopped_received_at": end}
    return ChargingSession(started_at=BEGIN, started_received_at=BEGIN, **{**ended, **columns})


@pytest.mark.parametrize(
    ("first", "last", "drawn"),
    [(1000, 8500, 7500), (0, 0, 0), (8500, 1000, None), (0, 10**9, None), (None, 8500, None), (1000, None, None)],
)
def test_energy_is_last_minus_first_register(first, last, drawn):
    it = session(meter_start_wh=first, meter_stop_wh=last)
    energy.recount(it)
    assert it.energy_wh == drawn


def test_what_cannot_be_told_for_want_of_a_register_is_nobodys_fault():
    it = session(meter_start_wh=1000)
    energy.recount(it)
    assert not it.needs_review


def test_an_open_session_counts_to_its_last_reading():
    it = session(stopped_at=None, stopped_received_at=None, meter_start_wh=1000, meter_last_wh=2500.4)
    energy.recount(it)
    assert (it.energy_wh, it.needs_review) == (1500, False)


def test_a_reason_that_is_gone_takes_the_flag_with_it():
    it = session(meter_start_wh=8500, meter_stop_wh=1000)
    energy.recount(it)
    assert it.review_reasons == [energy.BACKWARDS]
    it.meter_stop_wh = 9000
    energy.recount(it)
    assert (it.energy_wh, it.needs_review, it.review_reasons) == (500, False, [])


def test_a_reason_is_given_once():
    it = session()
    energy.review(it, "Look.")
    energy.review(it, "Look.")
    assert it.review_reasons == ["Look."]


def test_a_clock_that_stood_still_does_not_make_a_charge_impossible():
    it = session(hours=0, meter_start_wh=0, meter_stop_wh=400_000)
    it.stopped_received_at = BEGIN + timedelta(hours=1)
    energy.recount(it)
    assert it.energy_wh == 400_000
