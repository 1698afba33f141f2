"""One frame of a charger → what it changes, and our answer. PROTOCOL §1.3, §1.4, §2 rows 1–24."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Charger, Command, CommandStatus, Exchange, Registration, StatusChange
from gateway.delivery import deliver_now
from gateway.tests.post import BOOT_16, frame, post

STATUS = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
METER = {"connectorId": 1, "meterValue": [{"timestamp": "2026-05-01T10:00:00Z", "sampledValue": [{"value": "5"}]}]}


def status_frame(message_id: str = "1", **fields: Any) -> str:
    return frame("StatusNotification", STATUS | fields, message_id=message_id)


def sent_command(charger: Charger, **request: Any) -> Command:
    command = commands.request(charger, **request)
    commands.claim([charger.pk], at=timezone.now())
    command.refresh_from_db()
    if request.get("verb") == "reset":
        commands.record_wording(command, action="Reset", payload={"type": "Hard"})
    return command


# -- requests ----------------------------------------------------------------------------------------------------------


def test_a_call_is_answered_and_kept_with_its_answer(cp1: Charger) -> None:
    [answer] = post(cp1, frame("Heartbeat", message_id="abc")).answers
    assert answer[:2] == [3, "abc"]
    kept = Exchange.objects.get()
    assert (kept.action, kept.message_id, kept.outcome, kept.origin) == ("Heartbeat", "abc", "result", "charger")
    assert "currentTime" in kept.response
    assert kept.latency_ms is not None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (frame("Teleport"), "NotImplemented"),
        (frame("Reset", {"type": "Hard"}), "NotSupported"),
        (status_frame(status="Exploded"), "PropertyConstraintViolation"),
        (status_frame(connectorId={}), "TypeConstraintViolation"),
        ('[2,"1","StatusNotification",{"connectorId":%s,"status":"Available","errorCode":"NoError"}]' % ("9" * 5000),
         "TypeConstraintViolation"),
        ('[2,"1","Heartbeat",5]', "FormationViolation"),
        ('[2,"1","Heartbeat"]', "FormationViolation"),
        ('[2,1,"Heartbeat",{}]', "FormationViolation"),
    ],
)  # fmt: skip
def test_1_6_refuses_with_the_right_code(cp1: Charger, text: str, code: str) -> None:
    [answer] = post(cp1, text).answers
    assert answer[:3] == [4, "1", code]
    assert Exchange.objects.get().outcome in ("error", "unreadable")


@pytest.mark.parametrize(
    ("text", "message_id", "code"),
    [
        ("nonsense", "-1", "RpcFrameworkError"),
        ("{}", "-1", "RpcFrameworkError"),
        (b"\xff\xfe", "-1", "RpcFrameworkError"),
        ("[" * 100_000, "-1", "RpcFrameworkError"),
        ('[2,"","Heartbeat",{}]', "-1", "RpcFrameworkError"),
        ('[9,"1","Heartbeat",{}]', "1", "MessageTypeNotSupported"),
        ('[2,"1","Heartbeat",5]', "1", "FormatViolation"),
        (frame("BootNotification"), "1", "OccurrenceConstraintViolation"),
    ],
)
def test_2_0_1_refuses_with_the_right_code(cp2: Charger, text: str, message_id: str, code: str) -> None:
    [answer] = post(cp2, text).answers
    assert answer[:3] == [4, message_id, code]


@pytest.mark.parametrize("text", ["nonsense", "{}", "[2]", '[9,"1","Heartbeat",{}]', "[3]", b"\xff"])
def test_1_6_keeps_what_it_cannot_read_and_stays_silent(cp1: Charger, text: str | bytes) -> None:
    assert post(cp1, text).answers == []
    assert Exchange.objects.get().outcome == Exchange.Outcome.UNREADABLE


def test_what_was_tolerated_is_kept_in_words(cp1: Charger) -> None:
    [answer] = post(cp1, status_frame(connectorId="1", extra=True)).answers
    assert answer[0] == 3
    assert len(Exchange.objects.get().findings) == 2


def test_a_text_with_nul_and_half_a_character_is_answered_and_kept(cp1: Charger) -> None:
    [answer] = post(cp1, status_frame().replace('"NoError"', r'"NoError","info":"\u0000\ud800"')).answers
    assert answer[0] == 3
    assert StatusChange.objects.get().info == "\ufffd\ufffd"


# -- boot rules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
@pytest.mark.parametrize(
    "fields",
    [{"is_booted": False}, {"registration": Registration.QUARANTINED}, {"registration": Registration.REJECTED}],
)
def test_before_an_accepted_boot_everything_else_is_a_security_error(
    make_charger: Any, fields: Any, version: str
) -> None:
    charger = make_charger("CP-1", version, **fields)
    [answer] = post(charger, frame("Heartbeat")).answers
    assert answer[:3] == [4, "1", "SecurityError"]


def test_after_the_boot_the_refused_call_is_served_under_the_same_id(make_charger: Any) -> None:
    charger = make_charger("CP-1", is_booted=False)
    post(charger, status_frame("7"))
    [boot] = post(charger, frame("BootNotification", BOOT_16, message_id="8")).answers
    assert boot[2]["status"] == "Accepted"
    [again] = post(charger, status_frame("7")).answers
    assert again[0] == 3


def test_after_an_accepted_boot_waiting_commands_go_out(make_charger: Any) -> None:
    charger = make_charger("CP-1", is_booted=False)
    command = commands.request(charger, "reset", arguments={"kind": "hard"})
    sent = post(charger, frame("BootNotification", BOOT_16))
    assert sent.answers[0][2]["status"] == "Accepted"
    assert sent.commands[0] == [2, str(command.pk), "Reset", {"type": "Hard"}]


# -- repeats -----------------------------------------------------------------------------------------------------------


def test_a_repeated_call_gets_the_same_answer_and_is_stored_once(cp1: Charger) -> None:
    first = post(cp1, status_frame()).answers
    second = post(cp1, status_frame()).answers
    assert first == second
    assert StatusChange.objects.count() == Exchange.objects.count() == 1


def test_the_same_id_with_another_payload_is_new(cp1: Charger) -> None:
    post(cp1, status_frame())
    post(cp1, status_frame(status="Preparing"))
    assert StatusChange.objects.count() == 2


def test_after_a_reconnect_only_money_is_remembered(cp1: Charger) -> None:
    post(cp1, status_frame("1"))
    post(cp1, frame("MeterValues", METER, message_id="2"))
    Charger.objects.update(epoch=2)
    post(cp1, status_frame("1"))
    post(cp1, frame("MeterValues", METER, message_id="2"))
    assert Exchange.objects.filter(action="StatusNotification").count() == 2
    assert Exchange.objects.filter(action="MeterValues").count() == 1


def test_an_old_heartbeat_is_answered_with_the_time_of_now(cp1: Charger) -> None:
    post(cp1, frame("Heartbeat"))
    assert post(cp1, frame("Heartbeat")).answers
    assert Exchange.objects.count() == 1
    Exchange.objects.update(requested_at=timezone.now() - timedelta(seconds=31))
    post(cp1, frame("Heartbeat"))
    assert Exchange.objects.count() == 2


@pytest.mark.parametrize(("text", "hours"), [(status_frame(), 0.1), (frame("MeterValues", METER), 25)])
def test_in_the_end_everything_is_forgotten(cp1: Charger, text: str, hours: float) -> None:
    post(cp1, text)
    Exchange.objects.update(requested_at=timezone.now() - timedelta(hours=hours))
    post(cp1, text)
    assert Exchange.objects.count() == 2


def test_a_charger_with_one_message_id_for_everything_is_understood(cp1: Charger) -> None:
    for status in ("Available", "Preparing", "Available", "Preparing"):
        post(cp1, status_frame(status=status))
    changes = StatusChange.objects.order_by("id").values_list("status", flat=True)
    assert list(changes) == ["available", "preparing", "available", "preparing"]


# -- answers to our commands -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"status": "Accepted"}, CommandStatus.ACCEPTED), ({"status": "Rejected"}, CommandStatus.REJECTED)],
)
def test_an_answer_settles_its_command(cp1: Charger, answer: Any, status: CommandStatus) -> None:
    command = sent_command(cp1, verb="reset", arguments={"kind": "hard"})
    post(cp1, f'[3,"{command.pk}",{{"status":"{answer["status"]}"}}]')
    command.refresh_from_db()
    assert (command.status, command.answer) == (status, answer)


def test_an_error_settles_it_as_failed_in_the_words_of_the_charger(cp1: Charger) -> None:
    command = sent_command(cp1, verb="reset", arguments={"kind": "hard"})
    post(cp1, f'[4,"{command.pk}","NotSupported","cannot",{{}}]')
    command.refresh_from_db()
    assert (command.status, command.explanation) == (CommandStatus.FAILED, "NotSupported: cannot")
    assert command.answer == {"code": "NotSupported", "description": "cannot", "details": {}}


@pytest.mark.parametrize("garbage", ["null", "5", "[]", '{"status":"Maybe"}', '{"foo":1}', '"Accepted"'])
def test_a_garbage_answer_is_an_invalid_response_with_the_raw_answer_kept(cp1: Charger, garbage: str) -> None:
    command = sent_command(cp1, verb="reset", arguments={"kind": "hard"})
    post(cp1, f'[3,"{command.pk}",{garbage}]')
    command.refresh_from_db()
    assert command.status == CommandStatus.FAILED
    assert command.explanation.startswith("Invalid response")


def test_a_command_all_of_whose_parts_were_refused_is_rejected(cp2: Charger) -> None:
    parts: list[Any] = [
        {"component": {"name": "C"}, "variable": {"name": name}, "attributeValue": "1"} for name in ("A", "B")
    ]
    command = sent_command(cp2, action="SetVariables", payload={"setVariableData": parts})
    results = [
        {"component": part["component"], "variable": part["variable"], "attributeStatus": status}
        for part, status in zip(parts, ("UnknownVariable", "Rejected"), strict=True)
    ]
    post(cp2, json.dumps([3, str(command.pk), {"setVariableResult": results}]))
    command.refresh_from_db()
    assert command.status == CommandStatus.REJECTED


def test_an_error_leaves_the_old_password_in_force(cp1: Charger) -> None:
    change = {"key": "AuthorizationKey", "value": "the-new-password-43"}
    commands.request(cp1, action="ChangeConfiguration", payload=change)
    deliver_now({cp1.pk}, Silent(), at=timezone.now())  # type: ignore[arg-type]
    cp1.refresh_from_db()
    assert cp1.pending_password_hash
    post(cp1, f'[4,"{Command.objects.get().pk}","InternalError","",{{}}]')
    cp1.refresh_from_db()
    assert cp1.pending_password_hash == ""


class Silent:
    def require(self) -> None:
        pass

    def publish(self, publications: Any) -> None:
        pass


def test_the_next_command_follows_the_answer_at_once(cp1: Charger) -> None:
    first = sent_command(cp1, verb="reset", arguments={"kind": "hard"})
    second = commands.request(cp1, "clear_cache")
    sent = post(cp1, f'[3,"{first.pk}",{{"status":"Accepted"}}]')
    assert sent.commands == [[2, str(second.pk), "ClearCache", {}]]


def test_a_late_answer_is_kept_and_changes_nothing_else(cp1: Charger) -> None:
    command = sent_command(cp1, verb="reset", arguments={"kind": "hard"})
    commands.sweep(at=timezone.now() + timedelta(minutes=5))
    post(cp1, f'[3,"{command.pk}",{{"status":"Accepted"}}]')
    command.refresh_from_db()
    assert command.status == CommandStatus.TIMEOUT
    assert command.late_answer == {"status": "Accepted"}


def test_an_answer_twice_in_a_batch_counts_once(cp1: Charger) -> None:
    command = sent_command(cp1, verb="reset", arguments={"kind": "hard"})
    text = f'[3,"{command.pk}",{{"status":"Accepted"}}]'
    post(cp1, text, text)
    command.refresh_from_db()
    assert command.status == CommandStatus.ACCEPTED
    assert command.late_answer is None


@pytest.mark.parametrize("message_id", ["never-sent", "11111111-1111-4111-8111-111111111111"])
def test_an_answer_to_nothing_is_kept_as_orphan_and_stays_unanswered(cp1: Charger, message_id: str) -> None:
    assert post(cp1, f'[3,"{message_id}",{{}}]').answers == []
    assert Exchange.objects.get().outcome == Exchange.Outcome.ORPHAN


def test_the_command_of_another_charger_cannot_be_answered(cp1: Charger, cp2: Charger) -> None:
    command = sent_command(cp1, verb="reset", arguments={"kind": "hard"})
    post(cp2, f'[3,"{command.pk}",{{"status":"Accepted"}}]')
    command.refresh_from_db()
    assert command.status == CommandStatus.SENT
