"""Each way in which something fails, and why the site stays within its limit all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chargers.models import Charger, Command, CommandStatus
from sessions.models import ChargingSession
from smartcharging import obedience
from smartcharging.bookkeeping import open_books
from smartcharging.models import CapacitySignal, Limit, Outlet, SitePlan
from smartcharging.tests.test_planning import Yard

SECOND = timedelta(seconds=1)


@pytest.fixture
def yard(make_charger):
    return Yard(make_charger)


@pytest.fixture
def shared(yard):
    """Two cars charge with half of the site each."""
    yard.settle_in()
    yard.come(1)
    yard.come(2)
    yard.plan(later_s=1)
    yard.answer()
    return yard


def worst_a(yard):
    """What each may draw at worst, by the rows alone: whoever reads them, after whichever death, sees the same."""
    return open_books(yard.state, at=yard.at, ahead_s=0).ledger.worst_a(yard.at.timestamp()).tolist()


# -- planner, Celery, database or Redis dies ---------------------------------------------------------------------------


def test_when_nobody_plans_any_more_leases_end_and_each_car_is_left_with_its_floor(shared):
    assert worst_a(shared) == [20, 20, 0]
    shared.at += shared.state.lease_s * SECOND
    assert worst_a(shared) == [20, 20, 0], "their clocks may be a little late"
    shared.at += 10 * SECOND
    assert worst_a(shared) == [6, 6, 0]


# -- the gateway dies, or is deployed ----------------------------------------------------------------------------------


def test_while_no_charger_can_be_reached_nothing_is_granted_and_then_the_ledger_goes_on(shared):
    Charger.objects.update(is_online=False)
    shared.come(3)
    assert shared.plan(later_s=60) == []
    assert worst_a(shared) == [20, 20, 0]
    Charger.objects.update(is_online=True)
    for _ in range(4):
        shared.plan(later_s=20)
        assert sum(worst_a(shared)) <= 40
        shared.answer()
    assert min(worst_a(shared)) >= 13, "all three charge"


# -- the link of one charger is down -----------------------------------------------------------------------------------


def test_an_offline_charger_counts_until_its_lease_is_over(yard):
    yard.settle_in()
    yard.come(1)
    yard.plan(later_s=1)
    yard.answer()
    charger = yard.outlets[0].charger
    charger.is_online = False
    charger.save()
    yard.come(2)
    assert yard.plan(later_s=10) == [("CP-2", "floor", 6), ("CP-2", "lease", 8)]
    yard.answer()
    assert yard.plan(later_s=400)[-1] == ("CP-2", "lease", 32)  # the other fell to its floor of 6
    assert yard.state.fullness <= 1


# -- a message is lost, its answer is lost, or comes late --------------------------------------------------------------


def test_no_answer_leaves_both_limits_in_the_ledger(yard):
    yard.settle_in()
    yard.come(1)
    yard.plan(later_s=1)
    yard.answer()
    yard.come(2)
    yard.plan(later_s=10)
    for command in Command.objects.filter(status=CommandStatus.PENDING, charger__identity="CP-1"):
        Command.objects.filter(pk=command.pk).update(status=CommandStatus.TIMEOUT)
    yard.answer()
    assert ("CP-2", "lease", 20) not in yard.plan(later_s=40)
    assert set(Limit.objects.filter(outlet=yard.outlets[0], kind="lease").values_list("limit_a", flat=True)) >= {32, 20}


# -- a charger reboots -------------------------------------------------------------------------------------------------


def test_a_charger_that_reboots_keeps_its_floor_in_the_ledger_until_its_session_is_over(shared):
    Charger.objects.filter(identity="CP-1").update(is_booted=False)
    shared.plan(later_s=400)
    assert worst_a(shared)[0] == 6
    ChargingSession.objects.filter(charger__identity="CP-1").update(stopped_at=shared.at)
    shared.plan(later_s=1)
    assert worst_a(shared)[0] == 0


# -- a clock is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset_s", [-240.0, 240.0])
def test_a_clock_that_is_off_by_minutes_makes_the_last_limit_count_for_ever(yard, offset_s):
    yard.settle_in()
    charger = yard.outlets[0].charger
    charger.clock_offset_s = offset_s
    charger.save()
    yard.come(1)
    yard.plan(later_s=10)
    yard.answer()
    charger.is_online = False
    charger.save()
    yard.come(2)
    yard.plan(later_s=900)  # long after the end of the lease
    yard.answer()
    yard.plan(later_s=10)
    assert sum(worst_a(yard)) == 40  # 32 of the one whose clock is wrong, and what that leaves


# -- the grid orders less ----------------------------------------------------------------------------------------------


def test_a_signal_of_the_grid_lowers_everybody_at_once(yard):
    yard.settle_in()
    yard.come(1)
    yard.come(2)
    yard.plan(later_s=1)
    yard.answer()
    CapacitySignal.objects.create(
        site=yard.site, source="grid operator", limit_w=16 * 690, from_at=yard.at, told_at=yard.at
    )
    assert yard.plan(later_s=5) == [("CP-1", "lease", 8), ("CP-2", "lease", 8)]
    assert set(Outlet.objects.filter(target_a=8).values_list("bound_by", flat=True)) == {"grid operator, power"}


# -- the meter of the site is stale ------------------------------------------------------------------------------------


def test_the_building_counts_with_its_worst_when_its_meter_falls_silent(yard):
    SitePlan.objects.update(building_worst_a=[30, 30, 30], building_a=[10, 10, 10], building_at=yard.at)
    yard.settle_in()
    yard.come(1)
    assert yard.plan(later_s=1)[-1] == ("CP-1", "lease", 30)
    yard.answer()
    assert yard.plan(later_s=90) == [("CP-1", "lease", 10)]


# -- a charger disobeys ------------------------------------------------------------------------------------------------


def test_a_charger_that_draws_more_than_it_may_is_counted_with_its_cable_and_stopped_if_that_is_too_much(yard):
    yard.settle_in()
    wild, other = yard.come(1), yard.come(2)
    yard.plan(later_s=1)
    yard.answer()
    yard.meter(wild, 31.0, later_s=10)
    yard.plan()
    assert not Outlet.objects.filter(is_wild=True).exists()
    yard.meter(wild, 31.0, later_s=35)
    assert ("CP-2", "lease", 8) in yard.plan()
    assert Outlet.objects.get(is_wild=True).charger == wild.charger
    stops = Command.objects.filter(verb="remote_stop")
    assert [(stop.charger, stop.arguments) for stop in stops] == [(wild.charger, {"session_id": wild.pk})]
    yard.answer(CommandStatus.REJECTED, of="CP-1")
    yard.plan(later_s=60)
    assert len(stops.all()) == 2, "it is asked again while it is too much"
    obedience.trust_again(yard.outlets[0], by="alice", at=yard.at)
    assert not Outlet.objects.filter(is_wild=True).exists()
    assert other.is_open


# -- two planners ------------------------------------------------------------------------------------------------------
# That the second waits for the first, only PostgreSQL can show: `portal/tests/storage/test_plans.py`.


def test_an_order_that_was_never_sent_is_withdrawn_by_the_next_plan(yard):
    yard.settle_in()
    yard.come(1)
    yard.plan(later_s=1)
    yard.come(2)
    yard.plan(later_s=5)
    assert Command.objects.filter(status=CommandStatus.CANCELLED, requested_via="plan lease").count() == 1
