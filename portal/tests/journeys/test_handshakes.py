"""Who is let in, over the running stack."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import websockets

from portal.tests.journeys.stack import Stack, until
from portal.tests.journeys.wire import BOOT, basic, dial

pytestmark = pytest.mark.timeout(180)


async def refusal(url: str, **options: Any) -> websockets.Response:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(url, proxy=None, **options):
            pass
    return caught.value.response


async def test_an_unknown_charger_is_refused_by_name(stack: Stack) -> None:
    answer = await refusal(
        f"{stack.ocpp_url}/NOBODY-7",
        subprotocols=["ocpp1.6"],
        additional_headers=basic("NOBODY-7", "x"),
    )
    assert answer.status_code == 404 and b"NOBODY-7" in answer.body


async def test_a_wrong_or_missing_password_is_refused(stack: Stack) -> None:
    await asyncio.to_thread(stack.register, "CP-LOCKED")
    for headers in (
        {},
        basic("CP-LOCKED", "wrong"),
        basic("SOMEBODY", "wrong"),
        {"Authorization": "Basic ???"},
    ):
        answer = await refusal(
            f"{stack.ocpp_url}/CP-LOCKED",
            subprotocols=["ocpp1.6"],
            additional_headers=headers,
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("offered", [None, ["ocpp1.2"], ["mqtt"]])
async def test_without_a_common_subprotocol_there_is_no_upgrade(stack: Stack, offered: Any) -> None:
    identity = f"CP-SUB-{offered}".replace("[", "").replace("]", "").replace("'", "")
    password = await asyncio.to_thread(stack.register, identity)
    answer = await refusal(
        f"{stack.ocpp_url}/{identity}",
        subprotocols=offered,
        additional_headers=basic(identity, password),
    )
    assert answer.status_code == 400 and b"ocpp1.6" in answer.body


@pytest.mark.parametrize(("offered", "answered"), [(None, None), (["ocpp1.6j"], "ocpp1.6j"), (["OCPP1.6"], "OCPP1.6")])
async def test_an_old_charger_for_which_staff_have_said_so_may_misspell_it(
    stack: Stack, offered: Any, answered: str | None
) -> None:
    identity = f"CP-OLD-{answered}"
    password = await asyncio.to_thread(stack.register, identity)
    spoken = {"assumed_subprotocol": "ocpp1.6"}
    await asyncio.to_thread(stack.rest.patch, f"/api/v1/chargers/{identity}/", json=spoken)
    async with websockets.connect(
        f"{stack.ocpp_url}/{identity}",
        subprotocols=offered,
        additional_headers=basic(identity, password),
        proxy=None,
    ) as socket:
        assert socket.subprotocol == answered
        await socket.send(json.dumps([2, "1", "BootNotification", BOOT["ocpp1.6"]]))
        assert json.loads(await socket.recv())[2]["status"] == "Accepted"


PATHS = {
    "bare": "{0}",
    "ours": "ocpp/{0}",
    "of another backend": "steve/websocket/CentralSystemService/{0}",
    "slash behind": "ocpp/{0}/",
    # The operator entered the whole address, and the firmware appends the identity once more.
    "twice": "ocpp/{0}/{0}",
    "twice and bare": "{0}/{0}/",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_any_path_that_ends_in_the_identity_will_do(stack: Stack, path: str) -> None:
    identity = f"CP-PATH-{abs(hash(path))}"
    password = await asyncio.to_thread(stack.register, identity)
    async with websockets.connect(
        stack.url.replace("http", "ws", 1) + "/" + path.format(identity),
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
        additional_headers=basic(identity, password),
        proxy=None,
    ) as socket:
        assert socket.subprotocol == "ocpp1.6"


async def test_a_password_without_a_user_name_will_do_unless_its_charger_is_strict(stack: Stack) -> None:
    password = await asyncio.to_thread(stack.register, "CP-NAMELESS")
    url, nameless = f"{stack.ocpp_url}/CP-NAMELESS", basic("", password)
    for wrong in (basic("", "wrong-password-of-16"), basic("SOMEBODY", password)):
        assert (await refusal(url, subprotocols=["ocpp1.6"], additional_headers=wrong)).status_code == 401
    async with websockets.connect(
        url, subprotocols=[websockets.Subprotocol("ocpp1.6")], additional_headers=nameless, proxy=None
    ) as socket:
        await socket.send(json.dumps([2, "1", "BootNotification", BOOT["ocpp1.6"]]))
        assert json.loads(await socket.recv())[2]["status"] == "Accepted"
    await asyncio.to_thread(stack.rest.patch, "/api/v1/chargers/CP-NAMELESS/", json={"is_strict": True})
    assert (await refusal(url, subprotocols=["ocpp1.6"], additional_headers=nameless)).status_code == 401


@pytest.mark.parametrize("identity", ["%2e%2e", "a%2Fb", "%00", "x" * 300, "%23", "%2B%2B"])
async def test_a_strange_identity_is_refused_before_anything_happens(stack: Stack, identity: str) -> None:
    answer = await refusal(f"{stack.ocpp_url}/{identity}", subprotocols=["ocpp1.6"])
    assert answer.status_code in {400, 404}


async def test_profile_0_is_only_for_chargers_registered_so(stack: Stack) -> None:
    await asyncio.to_thread(stack.register, "CP-OPEN", security_profile=0)
    async with dial(stack, "CP-OPEN", "") as charger:
        assert (await charger.told("BootNotification", BOOT["ocpp1.6"]))["status"] == "Accepted"


async def test_the_newest_socket_wins_and_a_stranger_does_not(stack: Stack) -> None:
    password = await asyncio.to_thread(stack.register, "CP-TWICE")
    async with dial(stack, "CP-TWICE", password, boot=True) as old:
        await refusal(
            f"{stack.ocpp_url}/CP-TWICE",
            subprotocols=["ocpp1.6"],
            additional_headers=basic("CP-TWICE", "no"),
        )
        assert await old.is_alive()
        async with dial(stack, "CP-TWICE", password) as new:
            assert await old.close_code() == 1000
            assert await new.is_alive()
            online = await asyncio.to_thread(stack.get, "chargers/CP-TWICE/")
            assert online["is_online"] is True
    await asyncio.to_thread(until, lambda: not stack.get("chargers/CP-TWICE/")["is_online"])


async def test_a_charger_may_offer_several_versions(stack: Stack) -> None:
    password = await asyncio.to_thread(stack.register, "CP-MANY")
    async with websockets.connect(
        f"{stack.ocpp_url}/CP-MANY",
        subprotocols=[websockets.Subprotocol(s) for s in ("ocpp3.0", "ocpp2.0.1", "ocpp1.6")],
        additional_headers=basic("CP-MANY", password),
        proxy=None,
    ) as socket:
        assert socket.subprotocol == "ocpp2.0.1"
