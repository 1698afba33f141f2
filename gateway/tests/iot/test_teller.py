"""Things and shadows follow the chargers' rows; what AWS refuses or delays is told later, and nothing is lost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from django.utils import timezone

from chargers import twins
from chargers.boots import Nameplate
from chargers.models import Charger, Registration, Site, Twin
from chargers.tests.boots import record_boot
from gateway.apps import remember_for_aws
from gateway.iot import cloud, documents, teller
from gateway.iot.things import everyone


def shadow(aws: Any, thing: str, name: str = "") -> Any:
    which = {"shadowName": name} if name else {}
    answer = aws("iot-data", "GetThingShadow", thingName=thing, **which)
    return json.loads(answer["payload"].read())["state"]["reported"]


def error(code: str, message: str = "no", status: int = 400) -> ClientError:
    told = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Operation")


def later() -> None:
    """What waits for another try is due."""
    Twin.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def names() -> set[str]:
    return {thing.name for thing in everyone()}


def test_a_charger_has_a_thing_with_its_attributes(aws, cp1):
    cp1.site = Site.objects.create(name="Depot Süd")
    cp1.save()
    teller.tell()
    thing = aws("iot", "DescribeThing", thingName="CP-1")
    assert thing["thingTypeName"] == "Charger"
    assert thing["attributes"] == {
        "vendor": "Acme",
        "model": "Wallbox_22",
        "firmware": "1.0.0",
        "site": "Depot_S_d",
    }


def test_a_second_telling_says_nothing(cp1, failing):
    teller.tell()
    for operation in ("CreateThing", "UpdateThing", "UpdateThingShadow"):
        failing(operation, AssertionError("told again"))
    assert teller.tell() == 0


def test_an_update_changes_the_thing_and_leaves_what_others_wrote(aws, cp1, settings):
    teller.tell()
    aws("iot", "UpdateThing", thingName="CP-1", attributePayload={"attributes": {"row": "north"}, "merge": True})
    cp1.model = ""
    cp1.firmware_version = "2.0"
    cp1.save()
    remember_for_aws(cp1, None)
    teller.tell()
    assert aws("iot", "DescribeThing", thingName="CP-1")["attributes"] == {
        "vendor": "Acme",
        "firmware": "2.0",
        "row": "north",
    }


def test_a_deleted_charger_takes_its_thing_along(cp1):
    teller.tell()
    cp1.delete()
    teller.tell()
    assert names() == set() and not Twin.objects.exists()


def test_a_charger_that_was_deleted_and_registered_again_keeps_its_thing(cp1, make_charger):
    teller.tell()
    cp1.delete()
    make_charger("CP-1")
    teller.tell()
    assert names() == {"CP-1"} and Twin.objects.get().charger is not None


def test_a_boot_is_the_classic_shadow_in_the_shape_of_the_aws_sample(aws, cp2):
    plate = Nameplate("Acme", "Street 50", "SN 7", "2.1.0", iccid="8949", imsi="262")
    record_boot(cp2, plate, reason="PowerUp", at=timezone.now())
    teller.tell()
    assert shadow(aws, "CP-2") == {
        "chargingStation": {
            "model": "Street 50",
            "vendorName": "Acme",
            "firmwareVersion": "2.1.0",
            "serialNumber": "SN 7",
            "modem": {"iccid": "8949", "imsi": "262"},
        },
        "reason": "PowerUp",
    }


def test_the_connection_shadow_follows_and_is_the_only_thing_said(aws, cp1, failing):
    teller.tell()
    assert shadow(aws, "CP-1", "connection")["isOnline"] is True
    failing("UpdateThing", AssertionError("nothing of the Thing has changed"))
    Charger.objects.update(is_online=False, disconnected_at=timezone.now())
    assert teller.tell() == 1
    assert shadow(aws, "CP-1", "connection")["isOnline"] is False


def test_what_happens_while_we_tell_is_told_next(cp1, monkeypatch):
    close = teller._close

    def late(errand: teller.Errand) -> None:
        Charger.objects.update(is_online=False, disconnected_at=timezone.now())
        close(errand)

    monkeypatch.setattr(teller, "_close", late)
    teller.tell()
    assert teller.tell() == 1


def test_a_thing_that_somebody_removed_is_made_again_with_all_that_is_known(aws, cp1):
    teller.tell()
    aws("iot", "DeleteThing", thingName="CP-1")
    Charger.objects.update(is_online=False, disconnected_at=timezone.now())
    teller.tell()
    assert shadow(aws, "CP-1", "connection")["isOnline"] is False
    assert aws("iot", "DescribeThing", thingName="CP-1")["attributes"]["vendor"] == "Acme"


def test_a_retired_charger_is_left_alone(make_charger):
    make_charger("CP-9", registration=Registration.REJECTED)
    assert teller.tell() == 0
    assert names() == set()


def test_what_is_no_more_is_taken_out_of_a_shadow():
    payload = json.loads(documents.update({"a": 1}, {"a": 1, "b": 2}))
    assert payload == {"state": {"reported": {"a": 1, "b": None}}}


# -- AWS is not always kind --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "kind", "sentence"),
    [
        (
            error("AccessDeniedException", "not authorized"),
            cloud.Refused,
            "does not allow us iot:CreateThing in eu-cen",
        ),
        (error("ThrottlingException"), cloud.Away, "throttles iot:CreateThing"),
        (
            error("InvalidSignatureException", "Signature expired: …"),
            cloud.Refused,
            "finds our clock wrong: it says 20",
        ),
        (error("UnrecognizedClientException"), cloud.Refused, "does not know our credentials"),
        (error("InternalFailureException", status=500), cloud.Away, "AWS fails at iot:CreateThing"),
        (
            EndpointConnectionError(endpoint_url="https://iot.eu-nowhere-1.x"),
            cloud.Away,
            "Is AWS_REGION ('eu-central-1')",
        ),
    ],
)
def test_each_fault_has_its_sentence_and_nothing_is_lost(cp1, make_charger, failing, wrong, kind, sentence):
    make_charger("CP-4")
    failing("CreateThing", wrong)
    with pytest.raises(kind, match=sentence.replace("(", r"\(").replace(")", r"\)")):
        teller.tell()
    failing("CreateThing", None)
    assert Twin.objects.filter(problem__contains=sentence).exists()
    later()
    teller.tell()
    assert names() == {"CP-1", "CP-4"}
    assert not Twin.objects.exclude(problem="").exists()


def test_a_fault_of_one_charger_does_not_stop_the_others(cp1, make_charger, failing):
    make_charger("CP-4")
    failing("CreateThing", error("InvalidRequestException", "odd name"))
    teller.tell()
    failing("CreateThing", None)
    assert Twin.objects.filter(failures=1).count() == 2


def test_pauses_grow_and_end_at_an_hour(cp1):
    teller.tell()
    now = timezone.now()
    pauses = []
    for _ in range(12):
        twin = Twin.objects.get()
        twins.failed(twin, "no", at=now)
        pauses.append((Twin.objects.get().due_at - now).total_seconds())
    assert pauses[:4] == [10, 20, 40, 80] and pauses[-1] == 3600


def test_two_tellers_never_have_the_same_charger(cp1, cp2):
    twins.enrol(str, 10)
    now = timezone.now()
    first, second = twins.claim(10, at=now), twins.claim(10, at=now)
    assert (len(first), second) == (2, [])


def test_a_name_that_is_too_long_for_a_thing_is_passed_by(make_charger):
    make_charger("*" * 60)
    teller.tell()
    assert not Twin.objects.exists()
