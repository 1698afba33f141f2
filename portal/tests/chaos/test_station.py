"""What a charger of the chaos says is sound, unique in the fleet, and said until it is confirmed."""

from __future__ import annotations

import json

import pytest

from gateway import schemas
from portal.chaos import faults
from portal.chaos.checker import facts_of
from portal.chaos.station import Record, Station

NOW = 1_790_000_000.0


def answered(station: Station) -> Record:
    """Let it say what is next, and confirm it."""
    _, record = station.next_frame()
    station.hear(json.dumps([3, station.pending, {"transactionId": 4711}]))
    assert record is not None
    return record


def lived(station: Station, records: int) -> list[Record]:
    for number in range(records):
        station.happens(NOW + number / 10)
    return [answered(station) for _ in range(records)]


@pytest.mark.parametrize(("number", "version"), [(2, "v16"), (3, "v201")])
def test_everything_it_says_is_what_the_specification_says(number, version):
    station, messages = Station(number, seed=1), schemas.load(version)
    station.arrives(NOW, boots=True)
    said = []
    for step in range(40):
        station.happens(NOW + step)
    while station.has_something_to_say():
        frame, _ = station.next_frame()
        said.append(json.loads(frame))
        station.hear(json.dumps([3, station.pending, {"transactionId": 4711, "status": "Accepted"}]))
    assert len(said) == 42
    assert station.is_booted
    assert [messages.objections(action, payload) for _, _, action, payload in said] == [[]] * 42


def test_no_two_facts_of_the_fleet_are_alike():
    stations = [Station(number, seed=1) for number in range(6)]
    facts = [fact for one in stations for record in lived(one, 60) for fact in facts_of(record.action, record.payload)]
    assert len(facts) == len(set(facts)) > 360


def test_a_clock_that_jumps_back_makes_no_two_facts_alike():
    station = Station(0, seed=1)
    facts = []
    for offset_s in (0, 3600, 0, -3600, 0):
        station.clock_offset_s = offset_s
        station.happens(NOW)
        record = answered(station)
        facts += list(facts_of(record.action, record.payload))
    assert len(facts) == len(set(facts))


def test_until_its_boot_is_accepted_it_boots_whatever_comes_between():
    station = Station(0, seed=1)
    station.happens(NOW)
    said: list[str] = []
    for setback in ("silence", "refused", "pending", "connection lost", ""):
        if setback == "connection lost":
            station.forget_pending()
            station.arrives(NOW, boots=False)
        elif not said:
            station.arrives(NOW, boots=False)
        said.append(json.loads(station.next_frame()[0])[2])
        if setback == "silence":
            station.forget_pending()
        elif setback == "refused":
            station.hear(json.dumps([4, station.pending, "InternalError", "", {}]))
        else:
            station.hear(json.dumps([3, station.pending, {"status": "Accepted" if not setback else "Pending"}]))
    assert said == ["BootNotification"] * 5
    assert station.is_booted


@pytest.mark.parametrize("setback", ["refused", "silence"])
def test_a_record_is_said_until_it_is_confirmed(setback):
    station = Station(1, seed=1)
    station.happens(NOW)
    station.happens(NOW + 1)
    _, first = station.next_frame()
    if setback == "refused":
        heard = station.hear(json.dumps([4, station.pending, "InternalError", "", {}]))
        assert heard is not None and not heard.is_result
    else:
        station.forget_pending()
    _, again = station.next_frame()
    assert (again, again and again.attempts) == (first, 2)
    station.hear(json.dumps([3, station.pending, {}]))
    assert station.next_frame()[1] is not first


def test_an_answer_to_an_attempt_that_was_given_up_confirms_nothing():
    station = Station(0, seed=1)
    station.happens(NOW)
    station.next_frame()
    given_up = station.pending
    station.forget_pending()
    assert station.hear(json.dumps([3, given_up, {"transactionId": 1}])) is None
    assert len(station.queue) == 1


def test_stop_and_meter_values_name_the_number_that_the_start_was_given():
    named = {record.payload["transactionId"] for record in lived(Station(0, seed=1), 3) if record.number > 1}
    assert named == {4711}


def test_a_fault_may_be_told_how_long_to_last():
    kill, away = faults.chosen("kill:worker, away:redis@2.5", "embedded")
    assert (kill.name, away.name, away.lasts_s) == ("kill:worker", "away:redis@2.5", 2.5)


@pytest.mark.parametrize("told", ["kill:wroker", "kill:worker@soon", "kill:database"])
def test_a_fault_that_cannot_be_is_refused_by_name(told):
    with pytest.raises(ValueError, match=told):
        faults.chosen(told, "embedded")


def test_every_line_and_every_part_has_its_faults():
    embedded, production = faults.every("embedded"), faults.every("production")
    assert {"deaf:gateway-broker", "roll:worker", "full:disk", "clock:+10y"} <= set(embedded)
    assert set(production) - set(embedded) >= {"kill:database", "freeze:database", "cut:worker-database"}
