"""SEND and CALLRESULTERROR through a whole batch. OCPP 2.1 part 4, §4.2."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Charger, Command, CommandStatus, DeadLetter, Exchange, Notice
from gateway.registry import DIALECTS
from gateway.testing import frames
from gateway.tests.post import frame, post

VALUES = frames.load("ocpp21/stream_values.json")


def send(payload: Any = VALUES, *, action: str = "NotifyPeriodicEventStream", message_id: str = "1") -> str:
    return json.dumps([6, message_id, action, payload])


def test_a_send_is_kept_and_not_answered(cp3: Charger) -> None:
    assert post(cp3, send()).answers == []
    kept = Exchange.objects.get()
    assert (kept.action, kept.outcome, kept.response, kept.origin) == (
        "NotifyPeriodicEventStream", "one_way", "", "charger",
    )  # fmt: skip
    assert Notice.objects.get().payload == VALUES


def test_a_send_that_the_broker_brings_twice_is_kept_once(cp3: Charger) -> None:
    post(cp3, send())
    post(cp3, send())
    assert Exchange.objects.count() == Notice.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (send({"id": 1}), "OccurrenceConstraintViolation"),
        (send({}, action="Heartbeat"), "NotSupported"),
        (send({}, action="Teleport"), "NotSupported"),
    ],
)
def test_what_is_wrong_with_a_send_is_kept_and_not_said(cp3: Charger, text: str, code: str) -> None:
    assert post(cp3, text).answers == []
    kept = Exchange.objects.get()
    assert (kept.outcome, kept.error_code) == ("error", code)
    assert kept.findings and not Notice.objects.exists()


def test_a_send_before_an_accepted_boot_is_not_taken_in(make_charger: Any) -> None:
    charger = make_charger("CP-3", "ocpp2.1", is_booted=False)
    assert post(charger, send()).answers == []
    assert Exchange.objects.get().error_code == "SecurityError"


def test_a_call_after_a_send_with_its_id_and_content_is_answered(cp3: Charger) -> None:
    post(cp3, send({}, action="Heartbeat"))
    [answer] = post(cp3, frame("Heartbeat")).answers
    assert answer[:2] == [3, "1"]


def test_a_call_of_what_is_only_sent_is_refused(cp3: Charger) -> None:
    [answer] = post(cp3, frame("NotifyPeriodicEventStream", VALUES)).answers
    assert answer[:3] == [4, "1", "NotImplemented"]


def test_a_send_beyond_us_goes_to_the_dead_letters_unanswered(cp3: Charger, monkeypatch: Any) -> None:
    monkeypatch.setitem(DIALECTS["ocpp2.1"].listeners, "NotifyPeriodicEventStream", lambda _: 1 / 0)
    assert post(cp3, send()).answers == []
    assert DeadLetter.objects.count() == 1
    assert Exchange.objects.get().error_code == "InternalError"


@pytest.mark.parametrize(("fixture", "answered"), [("cp1", []), ("cp2", ["MessageTypeNotSupported"])])
@pytest.mark.parametrize("text", [send(), '[5,"1","FormatViolation","",{}]'])
def test_older_versions_know_neither(request: Any, fixture: str, answered: list[str], text: str) -> None:
    charger = request.getfixturevalue(fixture)
    assert [answer[2] for answer in post(charger, text).answers] == answered
    assert Exchange.objects.get().outcome == Exchange.Outcome.UNREADABLE


# -- complaints about answers ------------------------------------------------------------------------------------------


def complaint(message_id: str = "1") -> str:
    return json.dumps([5, message_id, "FormatViolation", "currentTime is no time", {"field": "currentTime"}])


def test_a_complaint_about_our_answer_stands_with_the_exchange(cp3: Charger) -> None:
    post(cp3, frame("Heartbeat"))
    assert post(cp3, complaint()).answers == []
    kept = Exchange.objects.get()
    assert (kept.outcome, kept.error_code) == ("error", "FormatViolation")
    assert "currentTime is no time" in kept.findings[-1] and '{"field": "currentTime"}' in kept.findings[-1]
    assert kept.response.startswith('[3,"1"')


def test_a_complaint_in_the_batch_of_its_call_finds_it(cp3: Charger) -> None:
    post(cp3, frame("Heartbeat"), complaint())
    assert Exchange.objects.get().outcome == Exchange.Outcome.ERROR


def test_a_complaint_about_nothing_is_an_orphan(cp3: Charger) -> None:
    post(cp3, complaint("never"))
    kept = Exchange.objects.get()
    assert (kept.outcome, kept.message_id, kept.response) == ("orphan", "never", complaint("never"))


def sent_reset(charger: Charger) -> Command:
    command = commands.request(charger, "reset", arguments={"kind": "hard"})
    commands.claim([charger.pk], at=timezone.now())
    commands.record_wording(command, action="Reset", payload={"type": "Immediate"})
    return command


def test_we_complain_about_an_answer_that_makes_no_sense(cp3: Charger) -> None:
    command = sent_reset(cp3)
    [said] = post(cp3, f'[3,"{command.pk}",{{"status":"Perhaps"}}]').answers
    assert said[:3] == [5, str(command.pk), "PropertyConstraintViolation"] and "Perhaps" in said[3]
    command.refresh_from_db()
    assert command.status == CommandStatus.FAILED


def test_an_older_station_hears_no_complaint(cp2: Charger) -> None:
    command = sent_reset(cp2)
    assert post(cp2, f'[3,"{command.pk}",{{"status":"Perhaps"}}]').answers == []
