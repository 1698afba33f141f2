"""The log of frames: one row per request with its answer, secrets masked, and the memory for repeats."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chargers.journal import Journal, remembered
from chargers.masking import mask
from chargers.models import Charger, Exchange

AT = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
SECRET = "s3cr3t-4711"


def ask(charger: Charger, message_id: str = "1", *, digest: str = "d", error_code: str = "", at: datetime = AT) -> None:
    journal = Journal()
    entry = journal.asked(charger, message_id=message_id, action="Heartbeat", request="[2]", at=at, digest=digest)
    journal.answered(entry, "[3]", at=at + timedelta(milliseconds=12), error_code=error_code)
    journal.write()


def test_a_request_and_its_answer_are_one_row(cp1: Charger) -> None:
    ask(cp1)
    row = Exchange.objects.get()
    assert (row.request, row.response, row.outcome, row.latency_ms) == ("[2]", "[3]", "result", 12.0)
    assert (row.charger, row.epoch, row.origin) == (cp1, cp1.epoch, "charger")


def test_the_answer_to_our_request_comes_onto_its_row(cp1: Charger) -> None:
    journal = Journal()
    journal.sent(cp1, message_id="m", action="Reset", request='[2,"m","Reset",{}]', at=AT)
    journal.write()
    later = Journal()
    later.heard_answer(cp1, '[3,"m",{}]', message_id="m", at=AT + timedelta(seconds=2))
    later.write()
    row = Exchange.objects.get()
    assert (row.response, row.outcome, row.latency_ms, row.origin) == ('[3,"m",{}]', "result", 2000.0, "csms")


def test_an_answer_to_nothing_or_to_another_or_twice_is_an_orphan(cp1: Charger, cp2: Charger) -> None:
    journal = Journal()
    journal.sent(cp1, message_id="m", action="Reset", request="[2]", at=AT)
    journal.write()
    for charger, text in ((cp2, "other"), (cp1, "right"), (cp1, "again")):
        journal = Journal()
        journal.heard_answer(charger, text, message_id="m", at=AT)
        journal.write()
    assert list(Exchange.objects.filter(outcome="orphan").values_list("response", flat=True).order_by("id")) == [
        "other",
        "again",
    ]
    assert Exchange.objects.get(outcome="result").response == "right"


def test_an_answer_twice_in_a_batch_is_kept_twice(cp1: Charger) -> None:
    journal = Journal()
    journal.sent(cp1, message_id="m", action="Reset", request="[2]", at=AT)
    journal.write()
    journal = Journal()
    for text in ("first", "second"):
        journal.heard_answer(cp1, text, message_id="m", at=AT)
    journal.write()
    assert set(Exchange.objects.values_list("response", "outcome")) == {("first", "result"), ("second", "orphan")}


def test_what_is_remembered_is_found_without_reading_what_was_said_before(cp1: Charger) -> None:
    """A charger whose ids start anew at each boot says "1" a thousand times in three months."""
    for day in range(60):
        ask(cp1, "1", digest=str(day), at=AT - timedelta(days=day))
    with CaptureQueriesContext(connection) as queries:
        assert len(remembered({(cp1.pk, "1")}, since=AT - timedelta(hours=36))) == 2
    [query] = queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{query['sql']}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert connection.vendor != "sqlite" or "message_id=? AND requested_at>?" in plan


def test_served_requests_are_remembered_by_charger_id_and_digest(cp1: Charger, cp2: Charger) -> None:
    ask(cp1, "1")
    ask(cp2, "2")
    ask(cp1, "3", error_code="InternalError")
    ask(cp1, "4", at=AT - timedelta(days=2))
    keys = {(charger.pk, number) for charger in (cp1, cp2) for number in "1234"}
    found = remembered(keys, since=AT - timedelta(days=1))
    assert set(found) == {(cp1.pk, "1", "d"), (cp2.pk, "2", "d")}


def test_a_masked_answer_is_not_given_again(cp1: Charger) -> None:
    journal = Journal()
    entry = journal.asked(cp1, message_id="1", action="DataTransfer", request="[2]", at=AT, digest="d")
    journal.answered(entry, f'[3,"1",{{"data":"https://a:{SECRET}@x/"}}]', at=AT)
    journal.write()
    assert remembered({(cp1.pk, "1")}, since=AT) == {}


def test_a_full_batch_is_one_insert_and_one_lookup(cp1: Charger, django_assert_num_queries: Any) -> None:
    journal = Journal()
    for number in range(50):
        journal.asked(cp1, message_id=str(number), action="Heartbeat", request="[2]", at=AT)
    with django_assert_num_queries(1):
        journal.write()
    with django_assert_num_queries(1):
        remembered({(cp1.pk, str(number)) for number in range(200)}, since=AT)


def test_what_postgres_cannot_store_is_replaced(cp1: Charger) -> None:
    journal = Journal()
    journal.unreadable(cp1, "a\0b", why="no JSON", at=AT)
    journal.write()
    assert Exchange.objects.get().request == "a\ufffdb"


# -- masking -----------------------------------------------------------------------------------------------------------


def wrap(action: str, payload: Any) -> str:
    return json.dumps([2, "1", action, payload])


@pytest.mark.parametrize(
    "text",
    [
        wrap("ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET}),
        wrap("ChangeConfiguration", {"key": "authorizationkey", "value": SECRET}),
        wrap(
            "SetVariables",
            {
                "setVariableData": [
                    {"component": {"name": "C"}, "variable": {"name": "BasicAuthPassword"}, "attributeValue": SECRET}
                ]
            },
        ),
        wrap(
            "NotifyReport",
            {"reportData": [{"variable": {"name": "BasicAuthPassword"}, "variableAttribute": [{"value": SECRET}]}]},
        ),
        wrap("SetNetworkProfile", {"connectionData": {"apn": {"apnPassword": SECRET}, "vpn": {"password": SECRET}}}),
        wrap("UpdateFirmware", {"location": f"ftp://bob:{SECRET}@host/f.bin"}),
        wrap("UpdateFirmware", {"location": f"ftp://bob:{SECRET}@host/f.bin"}).replace("/", r"\/"),
        wrap("UpdateFirmware", {"location": f"ftp://bob:p@ss{SECRET}@host/f.bin"}),
        wrap("DataTransfer", {"data": f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----\n"}),
        wrap("DataTransfer", {"data": f"-----BEGIN PRIVATE KEY-----\n{SECRET}"}),
        f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{SECRET}"',
        json.dumps([3, "1", {"configurationKey": [{"key": "A"}, {"key": "AuthorizationKey", "value": SECRET}]}]),
        json.dumps([3, "1", {"configurationKey": [{"key": "WiFiPassword", "readonly": False, "value": SECRET}]}]),
        wrap("ChangeConfiguration", {"key": "VpnPreSharedKey", "value": SECRET}),
        wrap("SetNetworkProfile", {"connectionData": {"vpn": {"server": "a", "user": "b", "key": SECRET}}}),
        wrap("SetVariables", {"setVariableData": [{"variable": {"name": "VpnKey"}, "attributeValue": SECRET}]}),
    ],
)
def test_no_secret_is_kept(text: str) -> None:
    assert SECRET in text
    assert SECRET not in mask(text)
    assert "***" in mask(text)


def test_the_pin_of_a_sim_is_not_kept_although_it_is_a_number() -> None:
    masked = json.loads(mask(wrap("SetNetworkProfile", {"connectionData": {"apn": {"apn": "m2m", "simPin": 4711}}})))
    assert masked[3] == {"connectionData": {"apn": {"apn": "m2m", "simPin": "***"}}}


@pytest.mark.parametrize(
    "text",
    [
        '[2, "1",  "StatusNotification", {"connectorId": 1}]',
        wrap("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "300"}),
        wrap("GetConfiguration", {"key": ["AuthorizationKey"]}),
        wrap("UpdateFirmware", {"location": "https://host/firmware@2.bin"}),
        "nonsense",
    ],
)
def test_a_frame_without_secret_stays_as_it_came(text: str) -> None:
    assert mask(text) == text


def test_beside_a_secret_everything_else_stays_readable() -> None:
    settings = [{"key": "HeartbeatInterval", "value": "300"}, {"key": "AuthorizationKey", "value": SECRET}]
    masked = json.loads(mask(json.dumps([3, "1", {"configurationKey": settings}])))
    assert masked[2]["configurationKey"] == [settings[0], {"key": "AuthorizationKey", "value": "***"}]


@pytest.mark.parametrize("text", ['"' + "password" * 250_000, '["password"' + " " * 2_000_000], ids=["names", "spaces"])
def test_what_is_no_json_is_read_once_however_it_was_chosen(text: str) -> None:
    """The first of these kept a worker for half an hour."""
    assert mask(text) == text
