"""What a simulated charger does, on a clock moved by hand."""

from __future__ import annotations

import pytest

from gateway.simulator import events as e
from gateway.simulator.configuration import Verdict
from gateway.simulator.connector import Reservation, Session
from gateway.simulator.events import Cause, Fault, Reason, State
from gateway.simulator.jobs import version_of
from gateway.testing.street_corner import DC, StillWorld, small_car

GROUND_FAULT = Fault("GroundFailure", "GF-31", "Residual current")


def charging(world: StillWorld, number: int = 1, **car: float) -> Session:
    """A session at a connector, from plug to start."""
    connector = world.charger.connectors[number - 1]
    world.charger.plug_in(connector, small_car(**car))
    world.charger.answer_token(connector, "04AA", is_accepted=True)
    assert connector.session is not None
    return connector.session


def states(world: StillWorld, number: int = 1) -> list[State]:
    return [event.state for event in world.of(e.StatusChanged) if event.number == number]


def test_a_charge_goes_through_every_state_and_ends_free():
    world = StillWorld()
    session = charging(world, soc=0.7)
    world.wait(3600)
    world.charger.stop(session, Reason.LOCAL, token="04AA")
    world.charger.unplug(session.connector)
    assert states(world) == [State.PREPARING, State.CHARGING, State.SUSPENDED_EV, State.FINISHING, State.AVAILABLE]


def test_the_register_says_what_power_and_time_say():
    world = StillWorld()
    session = charging(world, soc=0.2)
    world.wait(1800)
    world.charger.stop(session, Reason.LOCAL)
    stopped = world.of(e.SessionStopped)[0]
    assert stopped.reading.energy_wh - session.meter_start_wh == pytest.approx(11_040 / 2, rel=1e-6)


def test_a_sped_up_charge_keeps_its_power_and_takes_its_energy_sooner():
    world = StillWorld(day_s=600)
    session = charging(world, soc=0.2)
    world.wait(241)
    readings = [event.reading for event in world.of(e.SessionUpdated)]
    assert max(reading.power_w for reading in readings) == 11_040
    assert readings[-1].energy_wh - session.meter_start_wh == pytest.approx(0.6 * 50_000 / 0.9, rel=0.01)
    assert [r.energy_wh for r in readings] == sorted(r.energy_wh for r in readings)


def test_meter_values_come_at_the_interval_and_at_none_when_it_is_zero():
    world = StillWorld()
    charging(world, soc=0.1)
    world.wait(605)
    assert len([event for event in world.of(e.SessionUpdated) if event.cause is Cause.INTERVAL]) == 10
    world.charger.change_setting("sample_interval_s", "0")
    world.told.clear()
    world.wait(600)
    assert world.of(e.SessionUpdated) == []


def test_clock_aligned_values_strike_on_the_clock():
    world = StillWorld(connectors=1)
    world.wait(100)
    assert world.charger.change_setting("clock_interval_s", "900") is Verdict.ACCEPTED
    world.wait(1800)
    assert [event.reading.at % 900 for event in world.of(e.MeterRead)] == [0, 0]


def test_a_dc_charge_tells_its_state_of_charge_and_an_ac_charge_its_phases():
    dc, ac = StillWorld(DC), StillWorld()
    charging(dc)
    charging(ac)
    for world in (dc, ac):
        world.wait(61)
    assert (dc.of(e.SessionUpdated)[0].reading.soc_percent or 0) > 50
    assert len(dc.of(e.SessionUpdated)[0].reading.currents_a) == 1
    assert ac.of(e.SessionUpdated)[0].reading.soc_percent is None
    assert len(ac.of(e.SessionUpdated)[0].reading.currents_a) == 3


def test_a_refused_token_starts_nothing():
    world = StillWorld()
    connector = world.charger.connectors[0]
    world.charger.plug_in(connector, small_car())
    world.charger.answer_token(connector, "04AA", is_accepted=False)
    assert connector.session is None
    assert world.of(e.TokenAnswered) == [e.TokenAnswered(connector, False)]


def test_a_token_without_a_car_is_forgotten_after_the_connection_timeout():
    world = StillWorld()
    connector = world.charger.connectors[0]
    world.charger.answer_token(connector, "04AA", is_accepted=True)
    assert states(world)[-1] is State.PREPARING
    world.wait(61)
    assert states(world)[-1] is State.AVAILABLE
    world.charger.plug_in(connector, small_car())
    assert connector.session is None


def test_a_remote_start_prefers_the_connector_with_a_car():
    world = StillWorld()
    world.charger.plug_in(world.charger.connectors[1], small_car())
    connector = world.charger.remote_start("04AA", None, 5)
    assert connector is world.charger.connectors[1]
    assert world.of(e.SessionStarted)[0].cause is Cause.REMOTE_START


def test_a_remote_start_on_a_broken_closed_or_busy_connector_is_refused():
    world = StillWorld(connectors=3)
    broken, closed, busy = world.charger.connectors
    world.charger.break_down(broken, GROUND_FAULT)
    world.charger.set_operative(closed.number, is_operative=False)
    charging(world, busy.number)
    assert world.charger.remote_start("04BB", None, 5) is None


def test_a_fault_ends_the_session_and_heals():
    world = StillWorld()
    session = charging(world)
    world.wait(60)
    world.charger.break_down(session.connector, GROUND_FAULT)
    assert world.of(e.SessionStopped)[0].reason is Reason.FAULT
    assert states(world)[-1] is State.FAULTED
    world.charger.recover(session.connector)
    assert states(world)[-1] is State.FINISHING


def test_closing_a_connector_waits_for_its_session():
    world = StillWorld()
    session = charging(world)
    assert world.charger.set_operative(1, is_operative=False) is False
    assert session.is_running
    world.charger.unplug(session.connector)
    assert states(world)[-1] is State.UNAVAILABLE


def test_a_reservation_holds_the_connector_for_its_token_until_it_expires():
    world = StillWorld()
    connector = world.charger.connectors[0]
    world.charger.reserve(connector, Reservation(42, "04AA", world.now + 300))
    assert states(world)[-1] is State.RESERVED
    assert world.charger.show_token(connector, "04BB") is False
    world.wait(301)
    assert states(world)[-1] is State.AVAILABLE
    assert world.of(e.ReservationEnded) == [e.ReservationEnded(42, is_expired=True)]


def test_a_reset_ends_all_sessions_and_comes_back_with_its_reason():
    world = StillWorld()
    charging(world, 1)
    charging(world, 2)
    world.charger.reset(is_hard=True)
    assert [event.reason for event in world.of(e.SessionStopped)] == [Reason.HARD_RESET] * 2
    world.wait(60)
    assert world.of(e.PoweredDown)
    assert (world.charger.is_powered, world.charger.boot_reason) == (True, "RemoteReset")


def test_a_setting_that_needs_a_reboot_takes_effect_with_it():
    world = StillWorld()
    assert world.charger.change_setting("websocket_ping_s", "30") is Verdict.REBOOT_REQUIRED
    assert world.charger.settings.number("websocket_ping_s") == 0
    world.charger.reset(is_hard=True)
    world.wait(60)
    assert world.charger.settings.number("websocket_ping_s") == 30


@pytest.mark.parametrize(
    ("name", "value"), [("connectors", "4"), ("heartbeat_interval_s", "-1"), ("sample_interval_s", "soon")]
)
def test_a_setting_that_is_fixed_or_makes_no_sense_is_refused(name: str, value: str):
    assert StillWorld().charger.change_setting(name, value) is Verdict.REJECTED


def test_offline_the_local_list_goes_before_the_cache():
    tokens = StillWorld().charger.tokens
    tokens.remember("04aa", "Accepted")
    assert tokens.allows_offline("04AA")
    tokens.replace(1, {"04AA": "Blocked"})
    assert not tokens.allows_offline("04AA")
    assert not tokens.allows_offline("04CC")
    assert tokens.update(1, {}) is False


@pytest.mark.parametrize(
    ("url", "version"),
    [
        ("https://fw.example/acme/wallbox-2.1.0.bin", "2.1.0"),
        ("https://fw.example/acme_v3_0_7.tar.gz?sig=1.2.3", "3.0.7"),
        ("ftp://fw.example/AC22-5.0.0-rc1.img", "5.0.0-rc1"),
        ("https://fw.example/nightly.bin", "nightly"),
    ],
)
def test_the_new_version_is_read_from_the_file_name(url: str, version: str):
    assert version_of(url) == version
