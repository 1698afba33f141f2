"""Drivers and mishaps around a charger, day after day on a clock moved by hand."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import gateway.simulator
from gateway.simulator import events as e
from gateway.simulator.ocpp16.reports import REASONS
from gateway.simulator.street import STRANGER, Street
from gateway.testing.street_corner import DC, StillWorld

DAY = 600.0


def days(count: int, **fields) -> StillWorld:
    """A world that was left alone for some days of ten minutes; all tokens but the stranger's are accepted."""
    world = StillWorld(day_s=DAY, **fields)
    charger = world.charger

    def authorize(event: e.Event) -> None:
        if isinstance(event, e.TokenShown):
            accepted = event.token != STRANGER
            charger.answer_token(event.connector, event.token, is_accepted=accepted)

    charger.listeners.append(authorize)
    Street(charger, ["04A1", "04A2"]).open()
    world.wait(count * DAY)
    return world


def test_every_session_that_starts_stops_and_its_registers_follow_each_other():
    world = days(20)
    started, stopped = world.of(e.SessionStarted), world.of(e.SessionStopped)
    assert len(started) > 40
    assert 0 <= len(started) - len(stopped) <= 2
    for number in (1, 2):
        registers = [
            event.reading.energy_wh
            for event in world.told
            if isinstance(event, e.SessionStarted | e.SessionStopped) and event.session.connector.number == number
        ]
        assert registers == sorted(registers)
        # Nothing flows between two sessions.
        assert all(stop == start for stop, start in zip(registers[1::2], registers[2::2], strict=False))


def test_sessions_last_minutes_and_take_what_cars_take():
    for make in ({}, {"make": DC}):
        stopped = days(20, **make).of(e.SessionStopped)
        lasts_s = [event.reading.at - event.session.started_at for event in stopped]
        energies_wh = [event.reading.energy_wh - event.session.meter_start_wh for event in stopped]
        assert 45 < sum(lasts_s) / len(lasts_s) < 240
        assert max(energies_wh) < 85_000
        assert 8_000 < sum(energies_wh) / len(energies_wh) < 45_000


def test_power_never_exceeds_what_is_written_on_the_box():
    world = days(10)
    powers_w = [event.reading.power_w for event in world.of(e.SessionUpdated)]
    assert 0 <= min(powers_w) <= max(powers_w) <= world.charger.make.max_power_w


def test_sessions_end_for_many_reasons_and_each_has_a_name_on_the_wire():
    reasons = Counter(event.reason for event in days(60).of(e.SessionStopped))
    assert {e.Reason.LOCAL, e.Reason.UNPLUGGED, e.Reason.FAULT} <= reasons.keys() <= REASONS.keys()
    assert e.Reason.FULL in {event.reason for event in days(20, make=DC).of(e.SessionStopped)}


def test_faults_heal_by_themselves():
    world = days(60)
    states = [event.state for event in world.of(e.StatusChanged)]
    assert states.count(e.State.FAULTED) > 5
    world.wait(DAY)
    assert sum(connector.fault is not None for connector in world.charger.connectors) <= 1


def test_nobody_stays_for_ever():
    world = days(60)
    for event in world.of(e.SessionStopped):
        assert event.reading.at - event.session.started_at < DAY


def test_lines_are_cut_and_alarms_raised_now_and_then():
    world = days(60)
    assert 5 < len(world.of(e.LinkLost)) < 90
    assert 5 < len(world.of(e.SecurityAlarm)) < 60


def test_the_same_seed_is_the_same_luck():
    first, second = days(3), days(3)
    assert [type(event) for event in first.told] == [type(event) for event in second.told]


def test_the_simulator_knows_neither_django_nor_the_csms():
    for path in Path(gateway.simulator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                root = module.split(".")[0]
                assert root not in ("django", "chargers", "sessions", "smartcharging", "portal", "ocpp"), path
                assert root != "gateway" or module.startswith("gateway.simulator"), path
