"""What happens in AWS IoT happens here: Things become chargers, removed ones retire them, wishes become orders."""

from __future__ import annotations

import json
import time
from typing import Any

import orjson
import pytest

from chargers import twins
from chargers.models import Charger, Command, Registration, SecurityProfile, Twin
from gateway import topics
from gateway.iot import news, teller
from gateway.tests.iot.test_teller import names

pytestmark = pytest.mark.django_db


def event(
    kind: str, thing: str, thing_type: str | None = "Charger", at_ms: object = None, thing_id: object = None
) -> tuple[str, bytes]:
    body: dict[str, object] = {"eventType": "THING_EVENT", "operation": kind.upper(), "thingName": thing}
    body |= {"thingTypeName": thing_type, "timestamp": at_ms, "thingId": thing_id}
    return f"$aws/events/thing/{thing}/{kind}", orjson.dumps(body)


def wish(thing: str, version: int, **desired: Any) -> None:
    """Somebody has written the shadow; ``desired`` is all that it holds then."""
    topic = f"$aws/things/{thing}/shadow/name/configuration/update/documents"
    current = {"version": version, "state": {"desired": desired}}
    news.hear(topic, json.dumps({"current": current, "timestamp": 1}).encode())


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


def test_a_thing_that_is_made_again_brings_the_charger_back_whom_its_removal_had_retired(aws, cp1):
    teller.tell()
    aws("iot", "DeleteThing", thingName="CP-1")
    news.hear(*event("deleted", "CP-1", at_ms=1_800_000_000_000))
    news.hear(*event("created", "CP-1", at_ms=1_799_999_999_999))  # of the first time, brought once more
    cp1.refresh_from_db()
    assert cp1.registration == Registration.REJECTED
    news.hear(*event("created", "CP-1", at_ms=1_800_000_000_001))
    cp1.refresh_from_db()
    assert cp1.registration == Registration.ACCEPTED
    teller.tell()
    assert aws("iot", "DescribeThing", thingName="CP-1")["attributes"]["vendor"] == "Acme"


@pytest.mark.parametrize("has_thing", [True, False])
def test_whom_staff_has_rejected_no_thing_admits(cp1, has_thing):
    if has_thing:
        teller.tell()
    else:
        twins.enrol(str, 10)
    Charger.objects.update(registration=Registration.REJECTED)
    news.hear(*event("created", "CP-1"))
    cp1.refresh_from_db()
    assert cp1.registration == Registration.REJECTED


def id_of(aws: Any, thing: str) -> str:
    return str(aws("iot", "DescribeThing", thingName=thing)["thingId"])


def remove(aws: Any, thing: str) -> tuple[str, bytes]:
    """Staff removes it in AWS; the news of that."""
    gone = event("deleted", thing, thing_id=id_of(aws, thing), at_ms=now_ms())
    aws("iot", "DeleteThing", thingName=thing)
    return gone


def now_ms() -> int:
    return int(time.time() * 1000)


def registered() -> list[str]:
    return list(Charger.objects.values_list("registration", flat=True))


def test_the_removal_of_a_thing_that_is_told_twice_does_not_retire_whom_staff_has_admitted_again(aws, cp1):
    teller.tell()
    gone = remove(aws, "CP-1")
    news.hear(*gone)
    assert registered() == [Registration.REJECTED]
    Charger.objects.update(registration=Registration.ACCEPTED)
    assert news.hear(*gone) == [] and registered() == [Registration.ACCEPTED]  # before its Thing is there again
    teller.tell()
    assert news.hear(*gone) == [] and registered() == [Registration.ACCEPTED]  # and after
    news.hear(*remove(aws, "CP-1"))  # but this one is another
    assert registered() == [Registration.REJECTED]


def test_nor_whom_a_thing_that_was_made_again_has_brought_back(aws, cp1):
    teller.tell()
    gone = remove(aws, "CP-1")
    news.hear(*gone)
    aws("iot", "CreateThing", thingName="CP-1", thingTypeName="Charger")
    made = event("created", "CP-1", thing_id=id_of(aws, "CP-1"), at_ms=now_ms() + 1)
    for again in (made, gone, made, gone):
        news.hear(*again)
    assert registered() == [Registration.ACCEPTED]
    teller.tell()
    news.hear(*gone)
    assert registered() == [Registration.ACCEPTED]
    news.hear(*remove(aws, "CP-1"))
    assert registered() == [Registration.REJECTED]


def test_news_of_a_thing_that_we_removed_with_its_charger_do_not_retire_the_next_one_of_that_name(
    aws, cp1, make_charger
):
    teller.tell()
    gone = event("deleted", "CP-1", thing_id=id_of(aws, "CP-1"), at_ms=now_ms())
    cp1.delete()
    teller.tell()
    make_charger("CP-1")
    assert news.hear(*gone) == []
    twins.enrol(topics.thing, 10)
    assert news.hear(*gone) == []
    teller.tell()
    assert news.hear(*gone) == []
    assert registered() == [Registration.ACCEPTED] and names() == {"CP-1"}


def test_they_do_not_even_before_we_have_put_down_that_we_removed_it(aws, cp1, make_charger, monkeypatch):
    teller.tell()
    gone = event("deleted", "CP-1", thing_id=id_of(aws, "CP-1"), at_ms=now_ms())
    cp1.delete()
    close = teller._close

    def meanwhile(errand: teller.Errand) -> None:
        make_charger("CP-1")
        twins.enrol(topics.thing, 10)  # by another worker
        news.hear(*gone)
        close(errand)

    with monkeypatch.context() as patched:
        patched.setattr(teller, "_close", meanwhile)
        teller.tell()
    assert registered() == [Registration.ACCEPTED]
    teller.tell()
    assert names() == {"CP-1"}


def test_an_order_to_hang_up_that_was_lost_is_given_again(aws, cp1):
    teller.tell()
    gone = remove(aws, "CP-1")
    assert news.hear(*gone) == news.hear(*gone) != []


def test_whom_staff_had_rejected_before_no_thing_that_is_made_again_admits(aws, cp1):
    teller.tell()
    Charger.objects.update(registration=Registration.REJECTED)
    news.hear(*remove(aws, "CP-1"))
    news.hear(*event("created", "CP-1", thing_id="next", at_ms=now_ms() + 1))
    assert registered() == [Registration.REJECTED]


def test_a_thing_that_comes_while_its_charger_s_old_one_is_still_to_be_removed_is_adopted(aws, cp1):
    teller.tell()
    cp1.delete()
    news.hear(*event("created", "CP-1", thing_id="next", at_ms=now_ms()))
    assert Twin.objects.get().charger == Charger.objects.get()


def test_the_thing_of_a_deleted_charger_says_goodbye_to_nobody(cp1):
    teller.tell()
    cp1.delete()
    assert news.hear(*event("deleted", "CP-1")) == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{}", b'{"current":{"version":"1","state":{}}}', b'{"current":{"version":1,"state":{"desired":[]}}}'],
)
def test_nonsense_is_logged_and_harms_nobody(cp1, payload):
    teller.tell()
    for topic in ("$aws/things/CP-1/shadow/name/configuration/update/documents", "$aws/events/thing/CP-1/created"):
        assert news.hear(topic, payload) == []
    assert not Command.objects.exists()
