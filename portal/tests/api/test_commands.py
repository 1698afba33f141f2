from __future__ import annotations

import pytest

from chargers import commands
from chargers.models import Command, CommandStatus

pytestmark = pytest.mark.django_db
COMMANDS = "/api/v1/chargers/CP-1/commands/"
RESET = {"action": "Reset", "payload": {"type": "Soft"}}
NOBODYS = "4f0d6f0e-6f4e-4a7c-9d52-0c1f5b1b5a11"


def test_an_order_is_accepted_and_can_be_followed(api, cp1):
    answer = api.post(COMMANDS, RESET)
    body = answer.json()
    assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/commands/{body['id']}/")
    assert (body["charger"], body["action"], body["payload"], body["status"]) == (
        "CP-1",
        "Reset",
        {"type": "Soft"},
        "pending",
    )
    assert api.get(answer["Location"]).json() == body
    assert [row["id"] for row in api.get(COMMANDS).json()["results"]] == [body["id"]]


def test_a_verb_is_the_same_for_each_version(api, cp1):
    body = api.post(COMMANDS, {"verb": "reset", "arguments": {"kind": "soft"}}).json()
    assert (body["verb"], body["arguments"], body["action"]) == ("reset", {"kind": "soft"}, "")


def test_an_action_without_payload_has_an_empty_one(api, cp1):
    assert api.post(COMMANDS, {"action": "ClearCache"}).json()["payload"] == {}


def test_a_command_says_who_ordered_it(api, as_user, alice, cp1):
    by_machine = api.post(COMMANDS, RESET).json()
    by_alice = as_user(alice).post(COMMANDS, RESET).json()
    assert (by_machine["requested_by"], by_machine["requested_via"]) == (None, "rest: integration")
    assert (by_alice["requested_by"], by_alice["requested_via"]) == ("alice", "rest")


def test_a_command_may_be_told_how_long_to_wait(api, cp1):
    api.post(COMMANDS, {**RESET, "ttl_s": 60})
    command = Command.objects.get()
    assert 59 <= (command.expires_at - command.created_at).total_seconds() <= 61


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "Reset", "verb": "reset"},
        {"action": "Reset", "arguments": {}},
        {"verb": "reset", "payload": {}},
        {"action": "Re set"},
        {"action": "R" * 65},
        {"action": 7},
        {"action": None},
        {"verb": "Reset!"},
        {"action": "Reset", "payload": []},
        {"action": "Reset", "payload": "{}"},
        {"action": "Reset", "payload": {"type": "a\0b"}},
        {"action": "Reset", "payload": {"a\0b": 1}},
        {"action": "Reset", "ttl_s": 0},
        {"action": "Reset", "ttl_s": 10**30},
        {"action": "Reset", "ttl_s": "soon"},
        ["Reset"],
        "Reset",
        7,
        None,
    ],
)
def test_an_order_that_makes_no_sense_is_refused(api, cp1, body):
    answer = api.post(COMMANDS, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert not Command.objects.exists()


def test_a_payload_nested_too_deep_is_refused(api, cp1):
    payload: dict[str, object] = {}
    for _ in range(40):
        payload = {"in": payload}
    answer = api.post(COMMANDS, {"action": "Reset", "payload": payload})
    assert answer.json()["errors"] == [
        {"code": "too_deep", "detail": "Nested deeper than 32 levels.", "attr": "payload"}
    ]


def test_the_same_key_orders_once(api, cp1):
    first = api.post(COMMANDS, RESET, headers={"Idempotency-Key": "k1"})
    again = api.post(COMMANDS, RESET, headers={"Idempotency-Key": "k1"})
    other = api.post(COMMANDS, RESET, headers={"Idempotency-Key": "k2"})
    assert (again.status_code, again.json(), again["Location"]) == (202, first.json(), first["Location"])
    assert other.json()["id"] != first.json()["id"]


def test_the_same_key_with_another_order_is_a_conflict(api, cp1):
    api.post(COMMANDS, RESET, headers={"Idempotency-Key": "k1"})
    answer = api.post(COMMANDS, {"action": "Reset", "payload": {"type": "Hard"}}, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert Command.objects.count() == 1


def test_a_verb_is_recognised_after_it_was_put_into_words(api, cp1):
    order = {"verb": "reset", "arguments": {"kind": "soft"}}
    first = api.post(COMMANDS, order, headers={"Idempotency-Key": "k1"}).json()
    commands.record_wording(Command.objects.get(), action="Reset", payload={"type": "Soft"})
    again = api.post(COMMANDS, order, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert api.post(COMMANDS, RESET, headers={"Idempotency-Key": "k1"}).status_code == 409


def test_an_order_with_a_password_is_recognised_after_it_was_sent(api, cp1):
    payload = {"key": "AuthorizationKey", "value": "hunter2-hunter2-h"}
    order = {"action": "ChangeConfiguration", "payload": payload}
    first = api.post(COMMANDS, order, headers={"Idempotency-Key": "k1"}).json()
    commands.record_wording(Command.objects.get(), action="ChangeConfiguration", payload=payload)
    assert "hunter2" not in str(Command.objects.get().payload)
    again = api.post(COMMANDS, order, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()["id"]) == (202, first["id"])


def test_keys_of_two_chargers_do_not_meet(api, cp1, cp2):
    one = api.post(COMMANDS, RESET, headers={"Idempotency-Key": "k1"}).json()
    two = api.post("/api/v1/chargers/CP-2/commands/", RESET, headers={"Idempotency-Key": "k1"}).json()
    assert one["id"] != two["id"]


@pytest.mark.parametrize("text", ["", "k" * 256, "kö", "a\x00b"])
def test_a_key_that_cannot_be_kept_is_refused(api, cp1, text):
    answer = api.post(COMMANDS, RESET, headers={"Idempotency-Key": text})
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "Idempotency-Key")


def test_a_waiting_command_can_be_withdrawn(api, cp1):
    command = commands.request(cp1, "reset")
    body = api.post(f"/api/v1/commands/{command.pk}/cancel/").json()
    assert (body["status"], body["settled_at"] is not None) == ("cancelled", True)


def test_a_sent_command_cannot_be_called_back(api, cp1):
    command = commands.request(cp1, "reset")
    Command.objects.update(status=CommandStatus.SENT)
    answer = api.post(f"/api/v1/commands/{command.pk}/cancel/")
    assert (answer.status_code, "is sent" in answer.json()["detail"]) == (409, True)


def test_what_became_of_a_command_is_told(api, cp1):
    command = commands.request(cp1, action="Reset")
    Command.objects.update(status="rejected", answer={"status": "Rejected"}, explanation="The charger said no.")
    body = api.get(f"/api/v1/commands/{command.pk}/").json()
    assert (body["status"], body["answer"], body["explanation"]) == (
        "rejected",
        {"status": "Rejected"},
        "The charger said no.",
    )


@pytest.mark.parametrize(
    "order",
    [
        {"action": "ChangeConfiguration", "payload": {"key": "AuthorizationKey", "value": "hush-hush"}},
        {"verb": "write_settings", "arguments": {"settings": [{"name": "BasicAuthPassword", "value": "hush-hush"}]}},
        {"verb": "update_firmware", "arguments": {"url": "ftp://user:hush-hush@files.example/fw"}},
    ],
)
def test_a_password_in_a_command_is_not_shown(api, cp1, order):
    shown = api.post(COMMANDS, order).content + api.get(COMMANDS).content
    assert b"hush-hush" not in shown
    command = Command.objects.get()
    assert "hush-hush" in f"{command.payload}{command.arguments}"


def test_a_password_in_an_answer_is_not_shown(api, cp1):
    commands.request(cp1, action="GetConfiguration")
    Command.objects.update(
        answer={"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": "hush-hush"}]}
    )
    assert b"hush-hush" not in api.get(COMMANDS).content


@pytest.mark.parametrize("path", [f"{NOBODYS}/", f"{NOBODYS}/cancel/", "7/", "not-a-uuid/"])
def test_an_unknown_command_is_404(api, path):
    answer = api.post(f"/api/v1/commands/{path}") if "cancel" in path else api.get(f"/api/v1/commands/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_commands_of_all_chargers_are_filtered(api, cp1, cp2):
    one = str(commands.request(cp1, "reset").pk)
    two = str(commands.request(cp2, action="ClearCache").pk)
    Command.objects.filter(pk=two).update(status="accepted")

    def found(**query: object) -> list[str]:
        return [row["id"] for row in api.get("/api/v1/commands/", query).json()["results"]]

    assert found() == [two, one]
    assert found(charger="cp-1") == [one]
    assert found(status="accepted") == [two]
    assert found(status=["accepted", "pending"], ordering="created_at") == [one, two]
    assert found(action="clearcache") == [two]
    assert found(verb="reset") == [one]


def test_a_list_costs_the_same_however_long_it_is(api, alice, make_charger, django_assert_max_num_queries):
    for number in range(12):
        commands.request(make_charger(f"CP-{number}"), "reset", by=alice)
    with django_assert_max_num_queries(2):
        assert len(api.get("/api/v1/commands/").json()["results"]) == 12
