"""Time, pace and cars of the simulated world."""

from __future__ import annotations

import logging
import random

import pytest

from gateway.simulator.agenda import Agenda
from gateway.simulator.pace import DAY_S, Pace
from gateway.testing.street_corner import NOON, StillWorld, small_car


def test_things_due_happen_in_the_order_of_their_times():
    world, done = StillWorld(), []
    world.agenda.after(2, lambda: done.append("second"))
    world.agenda.after(1, lambda: done.append("first"))
    world.wait(3)
    assert done == ["first", "second"]


def test_a_cancelled_entry_does_not_happen():
    world, done = StillWorld(), []
    world.agenda.after(1, lambda: done.append("never")).cancel()
    world.wait(2)
    assert done == []
    assert world.agenda.next_at() is None


def test_what_raises_does_not_keep_the_rest_from_happening(caplog: pytest.LogCaptureFixture):
    agenda, done = Agenda(lambda: NOON), []
    agenda.at(NOON, lambda: 1 / 0)
    agenda.at(NOON, lambda: done.append("still here"))
    with caplog.at_level(logging.ERROR):
        agenda.run_due()
    assert done == ["still here"]
    assert "stumbled" in caplog.text


def test_a_sped_up_day_begins_when_cars_begin_to_come():
    pace = Pace.of_day(600, now=NOON)
    assert pace.hour(NOON) == 7
    assert pace.hour(NOON + 25) == pytest.approx(8)


def test_real_time_is_real():
    pace = Pace.of_day(None, now=NOON)
    assert (pace.hour(NOON), pace.speed, pace.sample_interval_s) == (12, 1, 60)
    assert pace.lapse(9_000, random.Random(1)) == 1


def test_a_charge_lasts_one_to_four_minutes_of_a_ten_minute_day():
    pace, chance = Pace.of_day(600, now=NOON), random.Random(1)
    for natural_s in (1_800, 7_200, 30_000):
        lasts_s = [natural_s / pace.lapse(natural_s, chance) for _ in range(200)]
        assert 59 < min(lasts_s) < max(lasts_s) < 241


def test_more_cars_come_by_day_than_by_night():
    pace, chance = Pace.of_day(DAY_S, now=NOON), random.Random(1)
    at, hours = NOON, []
    for _ in range(2_000):
        at = pace.next_arrival(at, chance)
        hours.append(pace.hour(at))
    assert sum(16 <= h < 20 for h in hours) > 8 * sum(1 <= h < 5 for h in hours)
    assert len(hours) / ((at - NOON) / DAY_S) == pytest.approx(pace.visits_per_day, rel=0.15)


def test_an_ac_car_charges_flat_with_a_tail():
    car = small_car(0.2, target_soc=1.0)
    assert car.wants_w(is_dc=False) == 11_040
    car.soc = 0.94
    assert car.wants_w(is_dc=False) == 11_040
    car.soc = 0.99
    assert 2_000 < car.wants_w(is_dc=False) < 6_000


def test_a_dc_car_tapers_by_its_state_of_charge():
    powers_w = [small_car(soc, target_soc=1.0).wants_w(is_dc=True) for soc in (0.2, 0.5, 0.6, 0.8, 0.95)]
    assert powers_w[0] == powers_w[1] == 100_000
    assert powers_w == sorted(powers_w, reverse=True)
    assert powers_w[-1] < 25_000


def test_a_car_is_never_filled_beyond_its_target():
    car = small_car(0.79)
    car.take(50_000, is_dc=True)
    assert (car.soc, car.is_full, car.wants_w(is_dc=True)) == (0.8, True, 0)
