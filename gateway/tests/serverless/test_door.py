"""The functions of the gateway without a process, on events as API Gateway and IoT Core send them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from chargers import connections
from chargers.models import Breach, Charger, SecurityEvent, SecurityProfile
from gateway import doorman, serverless, topics
from gateway.iot import cloud
from gateway.tests.serverless.conftest import ORDER, deliver, dial, event

TEMPLATE = Path(__file__).resolve().parents[3] / "deploy/aws/serverless/template.yaml"
FUNCTION = TEMPLATE.with_name("identity.js")
pytestmark = pytest.mark.django_db


def test_a_charger_that_proves_itself_is_let_in_by_its_first_subprotocol(sockets, register):
    answer = dial("c1", "CP-1", register("CP-1"))
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "ocpp2.0.1"}}
    charger = Charger.objects.get()
    assert (charger.is_online, charger.gateway, charger.subprotocol, charger.epoch) == (
        True, "serverless", "ocpp2.0.1", 1,
    )  # fmt: skip
    assert charger.remote_address == "9.9.9.9"


@pytest.mark.parametrize(
    ("identity", "password", "status"),
    [("CP-1", "wrong", 401), ("CP-1", None, 401), ("CP-9", "x", 404), ("", None, 404), ("a%2Fb", None, 400)],
)
def test_who_may_not_come_in_hears_what_a_container_would_say(sockets, register, identity, password, status):
    register("CP-1")
    assert dial("c1", identity, password)["statusCode"] == status
    assert not Charger.objects.filter(is_online=True).exists()


def headers(asked: dict[str, Any], **values: list[str]) -> dict[str, Any]:
    """The event with these headers otherwise; each of them may come in several lines."""
    told = {name: [value] for name, value in asked["headers"].items()}
    named = {name.replace("_", "-"): lines for name, lines in values.items()}
    return asked | {"headers": None, "multiValueHeaders": told | named}


def test_a_subprotocol_may_stand_in_a_second_line(sockets, register):
    asked = headers(event("c1", "CP-1", register("CP-1")), Sec_WebSocket_Protocol=["ocpp0.9", "ocpp1.6"])
    assert serverless.connect(asked)["headers"] == {"Sec-WebSocket-Protocol": "ocpp1.6"}


def test_who_tries_passwords_is_held_off_and_the_operator_hears_of_it(sockets, register):
    password = register("CP-1")
    for _ in range(10):
        assert dial("c1", "CP-1", "wrong")["statusCode"] == 401
    answer = dial("c1", "CP-1", password)
    assert (answer["statusCode"], 1 <= int(answer["headers"]["Retry-After"]) <= 70) == (429, True)
    told = list(SecurityEvent.objects.order_by("pk").values_list("kind", "detail"))
    assert [kind for kind, _ in told] == ["LoginFailed", "LoginFailed"]
    assert told[0][1].startswith("9.9.9.9: Wrong password") and told[1][1].endswith("10 times within a minute.")
    elsewhere = event("c2", "CP-1", password, context={"identity": {"sourceIp": "8.8.8.8"}})
    assert serverless.connect(elsewhere)["statusCode"] == 200  # nobody can lock it out


def test_after_many_strangers_only_who_was_there_before_comes_in_from_an_address(sockets, register):
    known, new = register("CP-1"), register("CP-2")
    assert dial("c1", "CP-1", known)["statusCode"] == 200
    for number in range(100):
        assert dial("x", f"STRANGER-{number}", None)["statusCode"] == 404
    assert dial("c2", "CP-1", known)["statusCode"] == 200
    assert dial("c3", "CP-2", new)["statusCode"] == 429


def test_what_it_shows_is_put_into_the_books_as_a_container_does_it(sockets, register):
    password = register("CP-1", security_profile=SecurityProfile.BASIC)
    old = "sha256$salt$" + hashlib.sha256(b"salt" + password.encode()).hexdigest()
    Charger.objects.update(password_hash=old, assumed_subprotocol="ocpp1.6")
    asked = headers(event("c1", "CP-1", password), Sec_WebSocket_Protocol=["OCPP1.6J"])
    assert serverless.connect(asked)["headers"] == {"Sec-WebSocket-Protocol": "OCPP1.6J"}
    charger = Charger.objects.get()
    assert charger.security_profile == SecurityProfile.TLS  # CloudFront takes TLS only
    assert charger.password_hash.startswith("hmac$")
    assert [noted.action for noted in Breach.objects.all()] == ["handshake"]


def test_without_the_pepper_of_its_password_it_is_told_to_come_again(sockets, register, settings):
    settings.CREDENTIAL_PEPPER = ["one"]
    password = register("CP-1")
    settings.CREDENTIAL_PEPPER = ["another"]
    answer = dial("c1", "CP-1", password)
    assert (answer["statusCode"], "Retry-After" in answer["headers"]) == (503, True)


def test_behind_cloudfront_the_address_is_the_chargers_and_nobody_comes_past_it(sockets, register, monkeypatch):
    monkeypatch.setenv("DOOR_KEY", "key of the door")
    password = register("CP-1")
    asked = headers(event("c1", "CP-1", password), x_charger_address=["2001:db8::7"])
    assert serverless.connect(asked)["statusCode"] == 403
    asked["multiValueHeaders"]["x-door-key"] = ["key of the door"]
    assert serverless.connect(asked)["statusCode"] == 200
    assert Charger.objects.get().remote_address == "2001:db8::7"


def test_without_a_common_subprotocol_nobody_comes_in(sockets, register):
    asked = event("c1", "CP-1", register("CP-1"))
    asked["headers"]["Sec-WebSocket-Protocol"] = "ocpp1.2"
    assert serverless.connect(asked)["statusCode"] == 400


def test_while_nothing_can_be_stored_chargers_are_told_to_come_again(sockets, register, monkeypatch):
    password = register("CP-1")

    def away(*arguments: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(doorman, "look_up", away)
    answer = dial("c1", "CP-1", password)
    assert (answer["statusCode"], "Retry-After" in answer["headers"]) == (503, True)


def test_who_is_refused_after_all_is_not_shown_as_online(sockets, register, monkeypatch):
    password, real = register("CP-1"), cloud.call

    def away(service: str, operation: str, **arguments: Any) -> Any:
        if operation == "PutItem":
            raise cloud.Away("AWS throttles dynamodb:PutItem")
        return real(service, operation, **arguments)

    monkeypatch.setattr(cloud, "call", away)
    assert dial("c1", "CP-1", password)["statusCode"] == 503
    assert not Charger.objects.get().is_online


def test_what_a_charger_says_goes_out_untouched(sockets, published, register):
    dial("c1", "DE*ABC", register("DE*ABC"))
    said = '[2, "1",  "Heartbeat",{"ä":1}]'
    assert serverless.message(event("c1", body=said)) == {"statusCode": 200}
    assert published == [("DE%2AABC/in", said.encode())]


def test_what_the_yard_says_reaches_the_newest_socket_only(sockets, published, register):
    password = register("CP-1")
    dial("old", "CP-1", password)
    dial("new", "CP-1", password)
    deliver("CP-1", ORDER)
    assert sockets.posted == [("new", ORDER)]
    serverless.message(event("old", body='[2,"1","Heartbeat",{}]'))
    assert (published, sockets.ended) == ([], ["old"])


def test_a_late_farewell_changes_nothing(sockets, register):
    password = register("CP-1")
    dial("old", "CP-1", password)
    dial("new", "CP-1", password)
    serverless.disconnect(event("old", context={"disconnectStatusCode": 1006}))
    assert Charger.objects.get().is_online
    deliver("CP-1", ORDER)
    assert sockets.posted == [("new", ORDER)]
    serverless.disconnect(event("new", context={"disconnectStatusCode": 1001, "disconnectReason": "idle"}))
    assert not Charger.objects.get().is_online
    serverless.disconnect(event("new"))


def test_who_shows_no_password_may_not_take_the_place_of_another(sockets, register):
    register("CP-0", security_profile=SecurityProfile.NONE)
    assert dial("c1", "CP-0", None)["statusCode"] == 200
    assert dial("c2", "CP-0", None)["statusCode"] == 403


def test_it_counts_as_alive_for_as_long_as_a_connection_may_last(sockets, register):
    dial("c1", "CP-1", register("CP-1"))
    assert connections.sweep_gateways(timezone.now() + timedelta(minutes=110)) == []
    assert connections.sweep_gateways(timezone.now() + timedelta(minutes=125)) == ["serverless"]


def test_a_socket_that_is_gone_and_a_frame_that_is_too_large_break_nothing(sockets, register):
    dial("c1", "CP-1", register("CP-1"))
    sockets.gone.add("c1")
    deliver("CP-1", ORDER)
    deliver("CP-1", b"no frame")
    reference = b'["chargeyard:frame","7d1f0a1e-6f0b-4f7e-9a51-000000000000"]'
    serverless.deliver({"key": "CP-1", "frame": base64.b64encode(reference).decode()})
    serverless.deliver({"key": "CP-2", "frame": ""})
    assert sockets.posted == []


@pytest.mark.parametrize(
    ("order", "ends"),
    [
        ({"verb": "replaced", "epoch": 2}, True),
        ({"verb": "replaced", "epoch": 1}, False),
        ({"verb": "retired", "epoch": 1}, True),
        ({"verb": "retired", "epoch": 2}, False),
        ({"verb": "hang_up", "epoch": 1, "reason": "its serial number is not its certificate's"}, True),
        ({"verb": "hang_up", "epoch": 0, "reason": "of before"}, False),
        ({"verb": "probe", "epoch": 1}, False),
    ],
)
def test_a_charger_that_is_somewhere_else_now_is_hung_up(sockets, register, order, ends):
    dial("c1", "CP-1", register("CP-1"))
    serverless.control({"key": topics.key("CP-1"), **order})
    assert sockets.ended == (["c1"] if ends else [])


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize(
    ("path", "identity"),
    [("/ocpp/CP-1", "CP-1"), ("/CP-1/", "CP-1"), ("/steve/websocket/a%20b", "a%20b"), ("/", ""), ("/x//", "x")],
)
def test_cloudfront_moves_the_identity_into_a_header(path, identity):
    asked = json.dumps({"request": {"uri": path, "headers": {}}, "viewer": {"ip": "9.9.9.9"}})
    script = f"{FUNCTION.read_text()}\nconsole.log(JSON.stringify(handler({asked})));"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    request = json.loads(done.stdout)
    assert (request["headers"]["x-charger-identity"]["value"], request["uri"]) == (identity, "/")
    assert request["headers"]["x-charger-address"] == {"value": "9.9.9.9"}


def test_each_function_may_do_what_it_does_and_no_more(sockets, published, register, monkeypatch):
    did: dict[str, set[str]] = {}

    def run(name: str, asked: Any) -> None:
        real = cloud.call

        def call(service: str, operation: str, **arguments: Any) -> Any:
            did[name].add(f"{service.removesuffix('-data')}:{operation}")
            return real(service, operation, **arguments)

        did.setdefault(name, set())
        sockets.calls.clear()
        with monkeypatch.context() as patched:
            patched.setattr(cloud, "call", call)
            getattr(serverless, name)(asked)
        did[name] |= set(sockets.calls)

    password = register("CP-1")
    run("connect", event("c0", "CP-1", "wrong"))
    run("connect", event("c1", "CP-1", password))
    run("message", event("c1", body='[2,"m1","Heartbeat",{}]'))
    run("deliver", {"key": "CP-1", "frame": base64.b64encode(ORDER).decode()})
    run("message", event("c1", body='[3,"o1",{"status":"Accepted"}]'))
    run("deliver", {"key": "CP-1", "frame": base64.b64encode(b'[3,"m1",{}]').decode()})
    for tries in (0, 1, 2, 6):
        serverless.message(event("c1", body='[2,"m2","Heartbeat",{}]'))
        body = json.dumps(
            {"key": "CP-1", "connection": "c1", "message_id": "m2", "endpoint": "e", "text": "", "tries": tries}
        )
        with time_machine.travel(timezone.now() + timedelta(seconds=30)):
            run("again", {"Records": [{"messageId": "1", "body": body}]})
    for _ in range(21):
        run("message", event("c1", body="no frame"))
    run("control", {"key": "CP-1", "verb": "retired", "epoch": 1})
    run("disconnect", event("c1"))
    assert did.keys() == {"connect", "message", "again", "deliver", "control", "disconnect"}
    for name, calls in did.items():
        assert calls == allowed(f"{name.capitalize()}Role"), name


def allowed(role: str) -> set[str]:
    """What a role of the template allows, but for what Lambda does itself; of the sockets the verb."""
    found = re.search(rf"^  {role}:\n(.+?)^  (?=[\w#])", TEMPLATE.read_text(), re.DOTALL | re.MULTILINE)
    assert found
    actions = re.findall(r"\b((?:dynamodb|sqs|iot):\w+)", found[1]) + re.findall(r"/ocpp/(\w+)/@", found[1])
    return set(actions) - {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
