"""The checker finds what was planted, and nothing where nothing is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from chargers import commands
from chargers.models import Charger, Command, CommandStatus, Connection, DeadLetter
from gateway.tests.talk import Talk
from portal.chaos import checker, history
from portal.chaos.checker import Verdict, check, check_presence
from portal.chaos.station import Station, identity
from sessions import truth
from sessions.models import ChargingSession, IdToken, MeterValue, SessionEvent


class Told:
    """Two chargers that live and are served; ``entries``: their history."""

    def __init__(self) -> None:
        self.entries: list[dict] = []
        self.stations = [Station(number, seed=1) for number in range(2)]
        self.talks = []
        for station in self.stations:
            IdToken.objects.create(value=f"CHAOS{station.number:09d}")
            charger = Charger.objects.create(
                identity=station.identity, subprotocol=station.subprotocol, is_online=True, is_booted=True
            )
            self.talks.append(Talk(charger))

    def live(self, records: int) -> None:
        for _ in range(records):
            for number in range(2):
                self.say(number)

    def say(self, number: int, *, is_served: bool = True, is_acknowledged: bool = True, **how: bool) -> None:
        station, talk = self.stations[number], self.talks[number]
        talk.later(seconds=1)
        station.happens(talk.at.timestamp(), **how)
        if not station.queue:
            return
        _, record = station.next_frame()
        assert record is not None
        self.entries.append(
            {"attempted": record.number, "charger": station.identity, "action": record.action,
             "payload": json.loads(json.dumps(record.payload))}
        )  # fmt: skip
        answer = talk.call(record.action, **record.payload) if is_served else {"transactionId": 1}
        station.hear(json.dumps([3, station.pending, answer]))
        if is_acknowledged:
            self.entries.append({"acknowledged": record.number, "charger": station.identity, "answer": answer})

    def finish(self) -> None:
        for number in range(2):
            self.say(number, only_stop=True)

    def order(self, number: int, status: CommandStatus = CommandStatus.ACCEPTED, *, is_obeyed: bool = True) -> Command:
        command = commands.request(self.talks[number].charger, "unlock", arguments={"evse_id": 1})
        Command.objects.filter(pk=command.pk).update(status=status)
        self.entries.append({"ordered": f"key-{command.pk}", "charger": identity(number), "command": str(command.pk)})
        if is_obeyed:
            self.entries.append({"obeyed": str(command.pk), "charger": identity(number), "action": "UnlockConnector"})
        return command


@pytest.fixture
def told(db) -> Told:
    return Told()


@pytest.fixture
def whole(told: Told) -> Told:
    """Some sessions of both, all told, all confirmed, all ended."""
    told.live(20)
    told.finish()
    told.order(0)
    told.order(1)
    return told


def breaches(told: Told) -> set[str]:
    return set(check(told.entries).breaches)


def an_event(number: int, kind: str) -> Any:
    return SessionEvent.objects.filter(charger__identity=identity(number), kind=kind).earliest("pk")


def test_where_nothing_is_wrong_nothing_is_found(whole):
    verdict = check(whole.entries)
    assert verdict.breaches == {}
    assert verdict.figures["attempted"] == verdict.figures["acknowledged"] == len(whole.entries) // 2 - 2
    assert verdict.figures["sessions"] == ChargingSession.objects.count() > 4
    assert verdict.figures["for review"] == 0


def test_what_was_said_and_not_confirmed_may_be_stored_or_not(whole):
    whole.say(0, is_acknowledged=False)
    whole.say(1, is_served=False, is_acknowledged=False)
    assert breaches(whole) == set()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("kind", ["started", "stopped"])
def test_a_lost_event_is_found(whole, number, kind):
    an_event(number, kind).delete()
    assert "lost" in breaches(whole)


@pytest.mark.parametrize("number", [0, 1])
def test_a_lost_meter_value_is_found(whole, number):
    MeterValue.objects.filter(charger__identity=identity(number)).earliest("pk").delete()
    assert breaches(whole) == {"lost"}


def test_a_record_that_was_confirmed_and_never_stored_is_found(whole):
    whole.say(1, is_served=False)
    assert breaches(whole) == {"lost"}


def copy_of(row, **changes):
    row.pk = None
    for name, value in {"digest": uuid4(), **changes}.items():
        setattr(row, name, value)
    row.save()
    return row


@pytest.mark.parametrize("number", [0, 1])
def test_a_meter_value_that_is_stored_twice_is_found(whole, number):
    copy_of(MeterValue.objects.filter(charger__identity=identity(number)).earliest("pk"))
    assert breaches(whole) == {"double"}


def test_a_session_that_is_stored_twice_is_found(whole):
    session = an_event(0, "started").session
    copy_of(session, start_key=uuid4(), transaction_id="4711", stopped_at=None, is_incomplete=True)
    assert breaches(whole) == {"double"}


def test_a_second_stop_is_found(whole):
    copy_of(an_event(1, "stopped"), key=uuid4(), device_time="2026-01-01T00:00:00Z")
    assert {"one stop", "invented"} <= breaches(whole)


def test_a_stop_without_effect_on_its_session_is_found(whole):
    ChargingSession.objects.filter(pk=an_event(0, "stopped").session_id).update(stopped_at=None)
    assert breaches(whole) == {"one stop"}


@pytest.mark.parametrize("kind", ["started", "stopped"])
def test_a_wrong_owner_is_found(whole, kind):
    event = an_event(0, kind)
    event.charger = whole.talks[1].charger
    event.save()
    assert "wrong owner" in breaches(whole)


def test_a_meter_value_in_a_session_of_another_charger_is_found(whole):
    value = MeterValue.objects.filter(charger__identity=identity(0)).earliest("pk")
    value.session = an_event(1, "started").session
    value.save()
    assert breaches(whole) == {"wrong owner"}


def test_a_meter_value_in_another_session_of_its_charger_is_found(whole):
    value: Any = MeterValue.objects.filter(charger__identity=identity(0)).earliest("pk")
    value.session = ChargingSession.objects.filter(charger=value.charger).exclude(pk=value.session_id).first()
    value.save()
    assert breaches(whole) == {"wrong owner"}


def test_a_number_that_is_not_the_one_that_was_told_is_found(whole):
    ChargingSession.objects.filter(pk=an_event(0, "started").session_id).update(transaction_id="4711")
    assert "wrong owner" in breaches(whole)


def test_a_row_that_nobody_said_is_found(whole):
    value = MeterValue.objects.earliest("pk")
    copy_of(value, key=uuid4(), device_time="2026-01-01T00:00:00Z")
    assert breaches(whole) == {"invented"}


def test_a_gap_in_a_sequence_must_be_flagged_and_a_whole_one_must_not(told):
    told.say(1)
    told.say(1, is_served=False, is_acknowledged=False)  # its number is missing from now on
    told.say(1)
    told.say(1, only_stop=True)
    assert breaches(told) == set()
    ChargingSession.objects.update(is_incomplete=False)
    assert breaches(told) == {"sequence"}


def test_a_whole_session_that_counts_as_incomplete_is_found(whole):
    ChargingSession.objects.filter(pk=an_event(1, "started").session_id).update(is_incomplete=True)
    assert breaches(whole) == {"sequence"}


@pytest.mark.parametrize("energy_wh", [None, -5, 1])
def test_an_energy_that_is_not_what_the_registers_say_is_found(whole, energy_wh):
    session = an_event(0, "stopped").session
    drawn = session.meter_stop_wh - session.meter_start_wh
    ChargingSession.objects.filter(pk=session.pk).update(energy_wh=energy_wh if energy_wh != drawn else 2)
    assert breaches(whole) == {"energy"}


def test_an_energy_that_is_in_doubt_because_a_clock_was_put_forward_is_as_it_should_be(whole):
    sessions = ChargingSession.objects.filter(pk=an_event(0, "stopped").session_id)
    sessions.update(energy_wh=None, review_reasons=[truth.THOUSANDTH])
    assert breaches(whole) == {"energy"}
    sessions.update(stopped_at=F("stopped_at") + timedelta(hours=1))
    assert breaches(whole) == set()
    sessions.update(review_reasons=[truth.DROPPED])
    assert breaches(whole) == {"energy"}


def test_a_conflict_and_a_dead_letter_are_found(whole):
    copy_of(an_event(0, "started"), is_conflict=True)
    DeadLetter.objects.create(identity="CHAOS-00000", frame="[]", traceback="", received_at=timezone.now())
    assert breaches(whole) == {"conflicts", "dead letters"}


@pytest.mark.parametrize("status", [CommandStatus.PENDING, CommandStatus.SENT])
def test_an_order_without_an_end_is_found(whole, status):
    whole.order(0, status)
    assert breaches(whole) == {"orders open"}


def test_an_order_that_was_accepted_and_is_gone_is_found(whole):
    command = whole.order(0, is_obeyed=False)
    command.delete()
    assert breaches(whole) == {"orders lost"}


def test_an_order_that_a_charger_was_given_twice_is_found(whole):
    command = whole.order(0)
    whole.entries.append({"obeyed": str(command.pk), "charger": identity(0), "action": "UnlockConnector"})
    assert breaches(whole) == {"orders twice"}


def test_an_order_that_another_charger_was_given_is_found(whole):
    command = whole.order(0, is_obeyed=False)
    whole.entries.append({"obeyed": str(command.pk), "charger": identity(1), "action": "UnlockConnector"})
    assert breaches(whole) == {"wrong owner"}


def test_an_order_that_was_given_although_it_had_expired_is_found(whole):
    whole.order(0, CommandStatus.EXPIRED)
    assert breaches(whole) == {"orders twice"}


def test_a_charger_that_counts_as_offline_and_a_second_connection_are_found(whole):
    now = timezone.now()
    clean, dirty = Verdict(), Verdict()
    check_presence(2, clean)
    assert clean.is_clean
    for epoch in (1, 2):
        Connection.objects.create(
            charger=whole.talks[0].charger, epoch=epoch, gateway="g", connected_at=now + timedelta(seconds=epoch)
        )
    Charger.objects.filter(identity=identity(1)).update(is_online=False)
    check_presence(2, dirty)
    assert len(dirty.breaches["presence"]) == 2


def test_a_history_is_read_up_to_its_last_whole_line(tmp_path):
    kept = history.History(tmp_path / "one.jsonl")
    kept.note(attempted=1, charger="CHAOS-00000")
    kept.close()
    with (tmp_path / "one.jsonl").open("ab") as file:
        file.write(b'{"attempted": 2, "cha')
    assert list(history.read([tmp_path / "one.jsonl"])) == [{"attempted": 1, "charger": "CHAOS-00000"}]


def test_the_verdict_on_the_command_line_is_json(whole, tmp_path, capsys):
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in whole.entries))
    MeterValue.objects.earliest("pk").delete()
    checker.main(2, [path])
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"lost": 1}
    assert "is stored: meter value at" in told["breaches"]["lost"][0]
