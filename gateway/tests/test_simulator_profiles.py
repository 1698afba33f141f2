"""The simulated charger's own reading of charging profiles."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.simulator import events as e
from gateway.simulator.connector import Session
from gateway.simulator.events import State
from gateway.simulator.limits import composite_w
from gateway.simulator.profiles import STATION_MAX, TX, TX_DEFAULT, Period, Profile
from gateway.testing.street_corner import NOON, StillWorld, small_car


def profile(limit: float = 16.0, **fields: Any) -> Profile:
    values: dict[str, Any] = {
        "id": 1, "number": 0, "purpose": TX_DEFAULT, "stack_level": 0, "kind": "Absolute", "recurrence_s": None,
        "unit": "A", "periods": (Period(0, limit, None),), "start_at": NOON - 3600, "duration_s": None,
        "valid_from": None, "valid_to": None, "session_id": None, "installed_at": NOON,
    }  # fmt: skip
    return Profile(**(values | fields))


def charging(world: StillWorld, number: int = 1, soc: float = 0.1) -> Session:
    connector = world.charger.connectors[number - 1]
    world.charger.plug_in(connector, small_car(soc))
    world.charger.answer_token(connector, "04AA", is_accepted=True)
    assert connector.session is not None
    return connector.session


def install(world: StillWorld, *profiles: Profile) -> None:
    for one in profiles:
        world.charger.profiles.install(one)
    world.charger.limits_changed()


def test_a_limit_slows_the_charge_at_once():
    world = StillWorld()
    session = charging(world)
    install(world, profile(10.0))
    assert session.power_w == pytest.approx(10 * 230 * 3)
    before_wh = session.connector.register_wh
    world.wait(600)
    assert session.connector.register_wh - before_wh == pytest.approx(6_900 / 6, rel=0.01)


@pytest.mark.parametrize(("limit_a", "state"), [(6.0, State.CHARGING), (5.9, State.SUSPENDED_EVSE)])
def test_less_than_six_amperes_is_no_charging(limit_a: float, state: State):
    world = StillWorld()
    session = charging(world)
    install(world, profile(limit_a))
    assert session.state is state


def test_a_charge_suspended_by_a_limit_resumes_without_it():
    world = StillWorld()
    session = charging(world)
    install(world, profile(0.0))
    world.charger.profiles.remove(lambda _: True)
    world.charger.limits_changed()
    assert session.power_w == 11_040
    shown = [event.state for event in world.of(e.StatusChanged)]
    assert shown[-2:] == [State.SUSPENDED_EVSE, State.CHARGING]


def test_the_step_of_a_schedule_is_taken_when_it_comes():
    world = StillWorld()
    session = charging(world)
    install(world, profile(start_at=NOON, periods=(Period(0, 16, None), Period(123, 8, None), Period(150, 0, None))))
    world.wait(122.9)
    assert session.power_w == pytest.approx(11_040)
    world.wait(0.2)
    assert session.power_w == pytest.approx(8 * 690)
    world.wait(30)
    assert session.state is State.SUSPENDED_EVSE


def test_the_highest_stack_level_leads_and_the_lower_returns_after_it():
    world = StillWorld()
    session = charging(world)
    install(world, profile(8.0), profile(12.0, id=2, stack_level=3, start_at=NOON, duration_s=60))
    assert session.power_w == pytest.approx(12 * 690)
    world.wait(61)
    assert session.power_w == pytest.approx(8 * 690)


def test_a_session_profile_takes_the_place_of_the_default_and_ends_with_the_session():
    world = StillWorld()
    session = charging(world)
    session.wire_id = "1001"
    install(world, profile(8.0), profile(14.0, id=2, purpose=TX, number=1, session_id="1001"))
    assert session.power_w == pytest.approx(14 * 690)
    world.charger.unplug(session.connector)
    assert [one.id for one in world.charger.profiles] == [1]


def test_a_session_profile_of_another_session_does_not_count():
    world = StillWorld()
    session = charging(world)
    session.wire_id = "1001"
    install(world, profile(14.0, purpose=TX, number=1, session_id="999"))
    assert session.power_w == 11_040


def test_the_limit_of_the_charger_is_shared_by_its_sessions():
    world = StillWorld()
    first, second = charging(world, 1), charging(world, 2)
    install(world, profile(12_000.0, purpose=STATION_MAX, unit="W"))
    assert first.power_w + second.power_w == pytest.approx(12_000)
    world.charger.unplug(second.connector)
    assert first.power_w == pytest.approx(11_040)


def test_a_daily_profile_comes_again_and_a_relative_one_counts_from_the_start():
    world = StillWorld()
    world.wait(3 * 86_400)
    session = charging(world)
    daily = profile(10.0, kind="Recurring", recurrence_s=86_400.0, start_at=NOON - 600, duration_s=1200)
    install(world, daily)
    assert session.power_w == pytest.approx(6_900)
    world.wait(601)
    assert session.power_w == pytest.approx(11_040)
    install(world, profile(id=1, kind="Relative", start_at=None, periods=(Period(0, 16, None), Period(700, 9, None))))
    world.wait(100)
    assert session.power_w == pytest.approx(9 * 690)


def test_the_composite_is_the_least_of_all_and_merges_equal_steps():
    world = StillWorld()
    steps = (Period(0, 20, None), Period(600, 10, None), Period(1200, 10, None))
    install(
        world,
        profile(number=1, start_at=NOON, periods=steps),
        profile(8_280.0, id=2, purpose=STATION_MAX, unit="W", start_at=NOON + 900),
    )
    own = composite_w(world.charger, 1, 3600)
    assert [offset_s for offset_s, _ in own] == [0, 600]
    assert [limit for _, limit in own] == pytest.approx([13_800, 6_900])
    whole = composite_w(world.charger, 0, 3600)
    assert [offset_s for offset_s, _ in whole] == [0, 600, 900]
    assert [limit for _, limit in whole] == pytest.approx([13_800 + 22_080, 6_900 + 22_080, 8_280])


def test_the_same_place_on_the_stack_is_replaced():
    world = StillWorld()
    install(world, profile(8.0), profile(10.0, id=2))
    assert [one.id for one in world.charger.profiles] == [2]


def test_the_composite_of_the_charger_steps_with_each_of_its_sessions():
    world = StillWorld()
    charging(world, 1)
    world.wait(100)
    steps = (Period(0, 4_200.0, None), Period(300, 8_400.0, None))
    install(world, profile(kind="Relative", start_at=None, unit="W", periods=steps))
    charging(world, 2)
    assert composite_w(world.charger, 0, 600) == [(0, 8_400.0), (200, 12_600.0), (300, 16_800.0)]
