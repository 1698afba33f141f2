"""What cannot be, or is not true, ends in a clear error or on the safe side; never in a limit that is raised."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smartcharging import grid, sites
from smartcharging.models import CapacitySignal, ChargingNeeds, LimitNode, Outlet, SitePlan
from smartcharging.tests.test_planning import Yard


@pytest.fixture
def yard(make_charger):
    yard = Yard(make_charger)
    yard.settle_in()
    return yard


def granted(yard):
    """Amperes per phase of all cars together, at worst."""
    return yard.state.fullness * 40


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"l1_a": 50}, "'panel' bears 50 A on L1, more than the 40 A of 'connection'"),
        ({"l1_a": -3}, "L1 of 'panel' is -3"),
        ({"l1_a": 1e9}, "L1 of 'panel' is 1e+09; it must be 0 to 10000"),
        ({"l1_a": float("nan")}, None),  # no database keeps it
        ({"l1_a": 10, "buffer_a": -5}, "buffer of 'panel' is -5"),
        ({"l1_a": 10, "limit_w": -1}, "power in W of 'panel' is -1"),
    ],
)
def test_a_tree_that_cannot_be_stops_the_plan_and_says_why(yard, change, problem):
    if problem is None:
        with pytest.raises(grid.ImpossibleTree):
            grid.check([grid.Node(1, "root", (change["l1_a"], 0, 0))], [])
        return
    LimitNode.objects.create(site=yard.site, name="panel", parent=yard.root, **change)
    yard.come(1)
    assert yard.plan(later_s=10) == []
    assert problem in yard.state.problem


def test_a_ring_of_nodes_and_a_phase_that_is_not_there_stop_it_too(yard):
    panel = LimitNode.objects.create(site=yard.site, name="panel", parent=yard.root, l1_a=20)
    cellar = LimitNode.objects.create(site=yard.site, name="cellar", parent=panel, l1_a=20)
    LimitNode.objects.filter(pk=panel.pk).update(parent=cellar)
    assert yard.plan(later_s=10) == [] and "hangs below itself" in yard.state.problem
    LimitNode.objects.filter(pk=panel.pk).update(parent=yard.root)
    Outlet.objects.filter(pk=yard.outlets[0].pk).update(node=panel)  # three phases on a panel of one
    assert yard.plan(later_s=10) == [] and "draws from L2, L3, which 'panel' does not have" in yard.state.problem
    Outlet.objects.update(node=yard.root)
    yard.plan(later_s=10)
    assert yard.state.problem == ""


@pytest.mark.parametrize("limit_w", [-1.0, 1e9, float("nan"), float("inf")])
def test_a_signal_that_makes_no_sense_is_refused_with_its_value(yard, limit_w):
    with pytest.raises(ValueError, match=f"0 to 1e.08 W, not {limit_w:g}".replace("+", ".")):
        sites.limited(yard.site, source="grid", limit_w=limit_w, from_at=yard.at, to_at=None, at=yard.at)
    assert not CapacitySignal.objects.exists()


@pytest.mark.parametrize(
    "told",
    [
        {"building_a": [5, 5, 5], "building_at": timedelta(minutes=-5)},  # silent
        {"building_a": [5, 5, 5], "building_at": timedelta(minutes=5)},  # ahead of time
        {"building_a": [5, -500, 5], "building_at": timedelta()},  # more sun than the connection could carry
        {"building_a": None, "building_at": None},
    ],
)
def test_a_meter_that_is_stale_or_lies_counts_as_the_worst(yard, told):
    at = None if told["building_at"] is None else yard.at + timedelta(seconds=10) + told["building_at"]
    SitePlan.objects.update(building_worst_a=[25, 25, 25], building_a=told["building_a"], building_at=at)
    yard.come(1)
    assert yard.plan(later_s=10)[-1] == ("CP-1", "lease", 15)


def test_a_building_that_draws_more_than_the_connection_bears_is_believed(yard):
    SitePlan.objects.update(building_worst_a=[0, 0, 0], building_a=[55, 0, 0], building_at=yard.at)
    yard.come(1)
    assert yard.plan(later_s=10) == []


@pytest.mark.parametrize("current_a", [0.0, 900.0])
def test_a_car_meter_that_lies_raises_nobody_above_the_limit(yard, current_a):
    session = yard.come(1)
    yard.come(2)
    yard.plan(later_s=10)
    yard.answer()
    for _ in range(8):
        yard.meter(session, current_a, later_s=20)
        yard.plan()
        yard.answer()
        assert granted(yard) <= 40 + (32 if current_a else 0)  # counted with its cable once it is found out
        assert sum(limit for _, kind, limit in yard.plan() if kind == "lease") <= 40


@pytest.mark.parametrize(
    "needs",
    [
        {"energy_wh": 10**15, "departs_at": timedelta(seconds=1)},
        {"energy_wh": -5_000, "departs_at": timedelta(hours=1)},
        {"energy_wh": 20_000, "departs_at": timedelta(hours=-3)},
        {"energy_wh": 20_000, "departs_at": None, "parameters": {"current_max_a": -10.0}},
        {"energy_wh": None, "departs_at": timedelta(hours=1), "parameters": {"current_max_a": 1e6}},
    ],
)
@pytest.mark.parametrize("looks_ahead", [False, True])
def test_a_car_that_says_nonsense_gets_no_more_than_there_is(yard, needs, looks_ahead):
    SitePlan.objects.update(looks_ahead=looks_ahead)
    session = yard.come(1)
    yard.come(2)
    departs_at = None if needs["departs_at"] is None else yard.at + needs["departs_at"]
    ChargingNeeds.objects.create(
        charger=session.charger, evse_id=1, session=session, told_at=yard.at, **{**needs, "departs_at": departs_at}
    )
    assert [limit >= 6 for who, kind, limit in yard.plan(later_s=10) if (who, kind) == ("CP-2", "lease")] == [True]
    assert granted(yard) <= 40


def test_a_charger_that_accepts_and_ignores_is_counted_with_its_cable(yard):
    session = yard.come(1)
    yard.come(2)
    yard.come(3)
    yard.plan(later_s=10)
    yard.answer()
    for _ in range(3):
        yard.meter(session, 32.0, later_s=20)
        orders = yard.plan()
        yard.answer()
    assert Outlet.objects.get(is_wild=True).charger == session.charger
    assert sum(limit for who, kind, limit in orders if kind == "lease" and who != "CP-1") <= 8
