"""What happens in AWS IoT happens here: Things become chargers, removed ones retire them, wishes become orders."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from chargers.models import Charger, Command, Registration, SecurityProfile, Twin
from gateway.iot import news, teller
from gateway.tests.iot.test_teller import names

pytestmark = pytest.mark.django_db


def event(kind: str, thing: str, thing_type: str | None = "Charger") -> tuple[str, bytes]:
    body = {"eventType": "THING_EVENT", "operation": kind.upper(), "thingName": thing, "thingTypeName": thing_type}
    return f"$aws/events/thing/{thing}/{kind}", orjson.dumps(body)


def wish(thing: str, version: int, **state: Any) -> None:
    topic = f"$aws/things/{thing}/shadow/name/configuration/update/delta"
    news.hear(topic, json.dumps({"version": version, "state": state}).encode())


def test_a_thing_that_appears_becomes_a_charger_that_has_to_log_in():
    news.hear(*event("created", "DE:2AABC-1"))
    charger = Charger.objects.get()
    assert (charger.identity, charger.security_profile) == ("DE*ABC-1", SecurityProfile.BASIC)
    assert charger.twin.thing == "DE:2AABC-1"


def test_in_a_laboratory_it_may_come_as_it_is(settings):
    settings.UNKNOWN_CHARGERS = "accept"
    news.hear(*event("created", "CP1"))
    assert Charger.objects.get().security_profile == SecurityProfile.NONE


def test_our_own_thing_is_no_news(cp1):
    teller.tell()
    news.hear(*event("created", "CP-1"))
    news.hear(*event("created", "CP-1"))
    assert Charger.objects.count() == 1 and Twin.objects.count() == 1


@pytest.mark.parametrize("thing", [("lamp-1", None), ("lamp-1", "Lamp"), ("SITE:x", "Charger")])
def test_other_things_are_left_alone(thing):
    news.hear(*event("created", *thing))
    assert not Charger.objects.exists()


def test_a_removed_thing_retires_its_charger_and_ends_its_connection(cp1):
    Charger.objects.update(gateway="gate-1", epoch=7)
    teller.tell()
    (order,) = news.hear(*event("deleted", "CP-1"))
    assert order.topic == "chargeyard/gateways/gate-1/control"
    assert orjson.loads(order.payload) == {"verb": "retired", "key": "CP-1", "epoch": 7}
    cp1.refresh_from_db()
    assert cp1.registration == Registration.REJECTED
    assert teller.tell() == 0


def test_a_charger_that_staff_admits_again_gets_its_thing_back(aws, cp1):
    teller.tell()
    aws("iot", "DeleteThing", thingName="CP-1")
    news.hear(*event("deleted", "CP-1"))
    Charger.objects.update(registration=Registration.ACCEPTED)
    teller.tell()
    assert names() == {"CP-1"}


def test_the_thing_of_a_deleted_charger_says_goodbye_to_nobody(cp1):
    teller.tell()
    cp1.delete()
    assert news.hear(*event("deleted", "CP-1")) == []


def test_a_wish_is_an_order_once_and_one_for_each_setting(cp1):
    teller.tell()
    for _ in range(2):  # MQTT may bring it twice
        wish("CP-1", 3, HeartbeatInterval=60, LocalPreAuthorize=True)
    orders = Command.objects.order_by("created_at")
    told = [order.arguments["settings"][0] for order in orders]
    assert sorted((one["name"], one["value"]) for one in told) == [
        ("HeartbeatInterval", "60"),
        ("LocalPreAuthorize", "true"),
    ]
    assert {order.requested_via for order in orders} == {"AWS IoT shadow"}


def test_a_wish_that_the_charger_did_not_take_is_not_ordered_again_by_itself(cp1):
    teller.tell()
    wish("CP-1", 3, HeartbeatInterval=60)
    wish("CP-1", 4, HeartbeatInterval=60, ConnectionTimeOut=30)  # the delta still holds the first
    assert Command.objects.count() == 2


def test_an_old_wish_that_comes_late_changes_nothing(cp1):
    teller.tell()
    wish("CP-1", 5, HeartbeatInterval=60)
    wish("CP-1", 4, HeartbeatInterval=90)
    assert [c.arguments["settings"][0]["value"] for c in Command.objects.all()] == ["60"]


def test_a_component_of_2_0_1_is_written_in_one_line(cp2):
    teller.tell()
    wish("CP-2", 1, **{"OCPPCommCtrlr.HeartbeatInterval": "60"})
    (setting,) = Command.objects.get().arguments["settings"]
    assert (setting["component"], setting["name"]) == ("OCPPCommCtrlr", "HeartbeatInterval")


def test_a_secret_is_not_taken_from_a_shadow(cp1):
    teller.tell()
    wish("CP-1", 1, AuthorizationKey="00112233445566778899")
    assert not Command.objects.exists()


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"version":"1","state":{}}', b'{"version":1,"state":[]}'])
def test_nonsense_is_logged_and_harms_nobody(cp1, payload):
    teller.tell()
    for topic in ("$aws/things/CP-1/shadow/name/configuration/update/delta", "$aws/events/thing/CP-1/created"):
        assert news.hear(topic, payload) == []
    assert not Command.objects.exists()
