"""The functions of the gateway without a process, on events as API Gateway and IoT Core send them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from chargers import connections
from chargers.models import Charger, SecurityProfile
from gateway import serverless, topics
from gateway.tests.serverless.conftest import ORDER, deliver, dial, event

FUNCTION = Path(__file__).resolve().parents[3] / "deploy/aws/serverless/identity.js"
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


def test_without_a_common_subprotocol_nobody_comes_in(sockets, register):
    asked = event("c1", "CP-1", register("CP-1"))
    asked["headers"]["Sec-WebSocket-Protocol"] = "ocpp1.2"
    assert serverless.connect(asked)["statusCode"] == 400


def test_while_nothing_can_be_stored_chargers_are_told_to_come_again(sockets, register, monkeypatch):
    password = register("CP-1")

    def away(*arguments: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(serverless, "look_up", away)
    answer = dial("c1", "CP-1", password)
    assert (answer["statusCode"], "Retry-After" in answer["headers"]) == (503, True)


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
    asked = json.dumps({"request": {"uri": path, "headers": {}}})
    script = f"{FUNCTION.read_text()}\nconsole.log(JSON.stringify(handler({asked})));"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    request = json.loads(done.stdout)
    assert (request["headers"]["x-charger-identity"]["value"], request["uri"]) == (identity, "/")
