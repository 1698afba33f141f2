"""A building's meter by MQTT: what is taken, and that all else leaves the site on the safe side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargers.models import Site
from smartcharging import grid, meter, sites
from smartcharging.models import SitePlan

AT = datetime(2026, 11, 2, 13, 45, tzinfo=UTC)


def read(payload, **more):
    return meter.read(payload, volts=230.0, at=AT, **more)


def test_a_meter_tells_amperes_or_kilowatts_of_each_phase():
    assert read(b'{"l1_a": 12.5, "l2_a": 8, "l3_a": -3}').load_a == (12.5, 8.0, -3.0)
    assert read(b'{"l1_kw": 2.3, "l2_kw": 0, "l3_kw": 4.6}').load_a == pytest.approx((10.0, 0.0, 20.0))


def test_a_reading_was_taken_now_unless_it_says_when():
    assert read(b'{"l1_a": 1, "l2_a": 1, "l3_a": 1}').measured_at == AT
    told = read(b'{"l1_a": 1, "l2_a": 1, "l3_a": 1, "measured_at": "2026-11-02T14:44:00+01:00"}')
    assert told.measured_at == AT - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"12.5", "JSON object"),
        (b"\xff", "JSON"),
        (b'{"l1_a": 1, "l2_a": 1}', "neither l3_a nor l3_kw"),
        (b'{"power_w": 12000}', "each phase has to be told"),
        (b'{"l1_a": "1", "l2_a": 1, "l3_a": 1}', "must be a number"),
        (b'{"l1_a": true, "l2_a": 1, "l3_a": 1}', "must be a number"),
        (b'{"l1_a": 1e9, "l2_a": 1, "l3_a": 1}', "up to 10000 A"),
        (b'{"l1_a": 1, "l2_a": 1, "l3_a": 1, "measured_at": "yesterday"}', "with its offset"),
        (b'{"l1_a": 1, "l2_a": 1, "l3_a": 1, "measured_at": "2026-11-02T14:44:00"}', "with its offset"),
    ],
)
def test_what_no_meter_can_mean_is_refused_with_a_sentence(payload, why):
    with pytest.raises(ValueError, match=why):
        read(payload)


def test_a_reading_that_the_broker_had_kept_must_say_when_it_was_taken():
    with pytest.raises(ValueError, match="measured_at"):
        read(b'{"l1_a": 1, "l2_a": 1, "l3_a": 1}', is_retained=True)


@given(st.binary(max_size=80))
def test_whatever_comes_is_read_or_refused(payload):
    try:
        load_a = read(payload).load_a
    except ValueError:
        return
    assert all(abs(value) <= grid.MOST_A for value in load_a)


@pytest.fixture
def plan(db):
    site = Site.objects.create(name="Yard")
    return SitePlan.objects.create(site=site, is_on=True, building_worst_a=[20, 20, 20])


def test_a_reading_counts_for_its_site_and_calls_for_a_plan(plan):
    assert sites.meter_told(plan.site_id, b'{"l1_a": 5, "l2_a": 6, "l3_a": 7}', at=AT)
    plan.refresh_from_db()
    assert (plan.building_a, plan.building_at) == ([5.0, 6.0, 7.0], AT)
    assert plan.next_due_at == AT + timedelta(seconds=1)


def test_what_a_meter_cannot_mean_changes_nothing_and_the_last_reading_grows_old(plan):
    sites.meter_told(plan.site_id, b'{"l1_a": 5, "l2_a": 6, "l3_a": 7}', at=AT)
    assert not sites.meter_told(plan.site_id, b'{"l1_a": NaN, "l2_a": 0, "l3_a": 0}', at=AT + timedelta(seconds=50))
    plan.refresh_from_db()
    assert plan.building_at == AT
    building = grid.Building((20, 20, 20), tuple(plan.building_a), plan.building_at)
    assert building.load_a(AT + timedelta(seconds=61)) == (20, 20, 20)


def test_an_older_reading_does_not_replace_a_newer_one(plan):
    sites.meter_told(plan.site_id, b'{"l1_a": 5, "l2_a": 6, "l3_a": 7}', at=AT)
    late = b'{"l1_a": 1, "l2_a": 1, "l3_a": 1, "measured_at": "2026-11-02T13:44:00Z"}'
    assert not sites.meter_told(plan.site_id, late, at=AT)


def test_a_meter_of_no_site_of_ours_is_left_aside(db):
    assert not sites.meter_told(77, b'{"l1_a": 5, "l2_a": 6, "l3_a": 7}', at=AT)
