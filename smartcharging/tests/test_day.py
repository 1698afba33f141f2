"""A day of a site: kept by five minutes as plans saw it, summed in site time, and played again with other limits."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from chargers.models import Site
from sessions.models import ChargingSession, SessionHour
from smartcharging import day, sites, whatif
from smartcharging.models import ChargingNeeds, Limit, LimitNode, Outlet, SitePlan, SiteSample
from smartcharging.tests.test_planning import Yard

MORNING = datetime(2026, 3, 2, 5, tzinfo=UTC)


@pytest.fixture
def yard(make_charger):
    return Yard(make_charger)


def test_plans_of_five_minutes_are_one_row_with_the_worst_of_each(yard):
    SitePlan.objects.update(building_worst_a=[10, 4, 0])
    yard.at = yard.at.replace(minute=yard.at.minute // 5 * 5)
    yard.settle_in()
    session = yard.come(1)
    yard.plan(later_s=10)
    yard.answer()
    yard.meter(session, 20.0, later_s=10)
    yard.plan(later_s=10)
    (row,) = SiteSample.objects.all()
    assert (row.limit_a, row.building_a) == ([40, 40, 40], [10, 4, 0])
    assert row.worst_a == [96, 96, 96]  # before the defaults were confirmed
    assert row.cars_a[0] == pytest.approx(30)  # what it was given, before its meter was heard
    assert row.overload_s == 0
    assert 0 < row.given_ah <= row.wanted_ah


def test_demand_is_met_for_a_car_that_gets_what_it_needs_though_it_could_take_more(yard):
    LimitNode.objects.update(l1_a=16, l2_a=16, l3_a=16)
    yard.settle_in()
    known, other = yard.come(1), yard.come(2)
    ChargingNeeds.objects.create(
        charger=known.charger, evse_id=1, session=known, energy_wh=6_900, departs_at=yard.at + timedelta(hours=1),
        told_at=yard.at,
    )  # fmt: skip
    yard.plan(later_s=10)
    yard.answer()
    SiteSample.objects.update(wanted_ah=0, given_ah=0)
    yard.plan(later_s=10)
    wanted, given = (sum(SiteSample.objects.values_list(name, flat=True)) for name in ("wanted_ah", "given_ah"))
    assert wanted == pytest.approx((10 + 32) / 360, rel=0.02)  # what the one needs, and what the other could take
    assert given == pytest.approx((10 + 6) / 360, rel=0.02)
    assert other.is_open


def test_an_overload_and_a_pause_are_counted(yard):
    yard.settle_in()
    session = yard.come(1)
    yard.plan(later_s=10)
    yard.answer()
    yard.meter(session, 45.0)
    yard.plan(later_s=10)
    assert sum(row.overload_s for row in SiteSample.objects.all()) == 10
    LimitNode.objects.update(l1_a=3, l2_a=3, l3_a=3)
    Limit.objects.update(limit_a=0)
    yard.plan(later_s=10)
    assert sum(row.pauses for row in SiteSample.objects.all()) == 1


@pytest.fixture
def site(cp1):
    site = Site.objects.create(name="Yard", timezone="Europe/Berlin")
    cp1.site = site
    cp1.save()
    return site


def drew(charger, hour, energy_wh, **fields):
    session = ChargingSession.objects.create(
        charger=charger, evse_id=1, transaction_id=f"{hour:%d%H%M}-{energy_wh}", energy_wh=energy_wh,
        started_at=hour, started_received_at=hour, **fields,
    )  # fmt: skip
    SessionHour.objects.create(session=session, charger=charger, hour=hour.replace(minute=0), energy_wh=energy_wh)
    return session


def test_a_day_is_the_sites_own_and_costs_what_each_hour_cost(site, cp1):
    sites.price(site, [(MORNING - timedelta(days=1), Decimal("0.20"), 400.0), (MORNING, Decimal("0.40"), 200.0)])
    drew(cp1, MORNING - timedelta(hours=7), 9000)  # the day before, at the site
    drew(cp1, MORNING - timedelta(hours=1), 1000)
    drew(cp1, MORNING, 2000)
    found = day.of(site, date(2026, 3, 2))
    assert (found.until - found.since) == timedelta(hours=24)
    assert found.energy_wh == 3000
    assert found.cost == pytest.approx(0.2 + 0.8)
    assert found.co2_g == pytest.approx(400 + 400)
    assert (found.met_percent, found.peak_w, found.overload_s) == (None, None, 0)


def test_the_day_of_summer_time_has_23_hours(site):
    found = day.of(site, date(2026, 3, 29))
    assert found.until - found.since == timedelta(hours=23)


def test_old_days_are_forgotten(site):
    SiteSample.objects.create(
        site=site, at=MORNING, limit_a=[1] * 3, building_a=[0] * 3, cars_a=[0] * 3, worst_a=[0] * 3
    )
    assert day.forget_old(before=MORNING) == 0
    assert day.forget_old(before=MORNING + timedelta(seconds=1)) == 1


# -- what if -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(site, make_charger):
    """Six cars at six EVSEs behind 32 A for eight hours, each with 40 kWh."""
    SitePlan.objects.create(site=site, building_worst_a=[0, 0, 0])
    root = LimitNode.objects.create(site=site, name="Grid", l1_a=32, l2_a=32, l3_a=32)
    panel = LimitNode.objects.create(site=site, name="Panel", parent=root, l1_a=32, l2_a=32, l3_a=32)
    for number in range(6):
        charger = make_charger(f"BUSY-{number}", site=site)
        Outlet.objects.create(node=panel, charger=charger, evse_id=1)
        drew(charger, MORNING + timedelta(minutes=number), 40_000, stopped_at=MORNING + timedelta(hours=8))
    return site


def ask(site, **change):
    return whatif.ask(site, MORNING - timedelta(hours=5), MORNING + timedelta(hours=19), whatif.Change(**change))


def test_nothing_changed_is_nothing_gained(busy):
    answer = ask(busy)
    assert answer.before == answer.after
    assert answer.stays == 6
    assert answer.before.worst_over_a <= 1e-6
    assert answer.before.peak_w <= 32 * 690 + 1


def test_a_larger_connection_meets_more_only_as_far_as_what_hangs_below_bears_it(busy):
    assert ask(busy, limit_a=100).after.met_percent == ask(busy).before.met_percent  # the panel has 32 A
    LimitNode.objects.filter(name="Panel").update(l1_a=63, l2_a=63, l3_a=63)
    LimitNode.objects.filter(name="Grid").update(l1_a=63, l2_a=63, l3_a=63)
    smaller = ask(busy, limit_a=25)
    assert smaller.after.met_percent < smaller.before.met_percent
    assert smaller.after.peak_w <= 25 * 690 + 1


def test_more_cars_want_more_of_the_same(busy):
    answer = ask(busy, cars=10)
    assert answer.after.met_percent < answer.before.met_percent
    assert answer.after.worst_over_a <= 1e-6


def test_the_building_takes_its_part_hour_by_hour(busy):
    free = ask(busy).before.met_percent
    for step in range(96):
        SiteSample.objects.create(
            site=busy,
            at=MORNING + step * day.STEP,
            limit_a=[32] * 3,
            building_a=[20] * 3,
            cars_a=[0] * 3,
            worst_a=[0] * 3,
        )
    assert ask(busy).before.met_percent < free / 2


def test_without_a_tree_or_sessions_it_says_so(site, busy):
    with pytest.raises(whatif.NothingToPlay, match="No session"):
        whatif.ask(busy, MORNING + timedelta(days=3), MORNING + timedelta(days=4), whatif.Change())
    LimitNode.objects.all().delete()
    with pytest.raises(whatif.NothingToPlay, match="not drawn"):
        ask(site)


def test_a_day_is_shown_at_the_desk_with_who_waits_and_what_would_be(client, alice, busy, settings):
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # fmt: skip
    client.force_login(alice)
    SitePlan.objects.update(is_on=True)
    Outlet.objects.filter(charger__identity="BUSY-3").update(is_queued=True, bound_by="Grid, L2")
    now = timezone.now()
    SiteSample.objects.create(
        site=busy, at=now, limit_a=[32] * 3, building_a=[5] * 3, cars_a=[20] * 3, worst_a=[26] * 3, wanted_ah=4,
        given_ah=3,
    )  # fmt: skip
    page = " ".join(client.get(f"/sites/{busy.pk}/day/").content.decode().split())
    assert "1 car waits; the limit holds." in page
    assert "Grid, L2 has no 6 A left for it." in page
    assert "75.0<small>%</small>" in page
    assert "Headroom now: 1.0 A" in page
    answer = client.get(f"/sites/{busy.pk}/what-if/", {"day": "2026-03-02", "cars": "10"})
    assert "6 sessions of 2 Mar" in answer.content.decode()
    assert "10 more cars" in answer.content.decode()
    assert "Nothing was shared" in client.get(f"/sites/{busy.pk}/day/?day=2026-01-01").content.decode()
