"""More of what real chargers were seen to do, on the running stack: each is served, and harms nobody else."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from portal.certify import letter
from portal.tests.journeys.stack import Stack, until
from portal.tests.journeys.test_bad_facts import sessions, start, stop
from portal.tests.journeys.wire import Wire, booted, dial, now

pytestmark = pytest.mark.timeout(180)
CROWD = 60
BOOT_16: dict[str, Any] = {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"}
BOOT_201: dict[str, Any] = {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Street 50"}}


def event(kind: str, seq_no: int, **more: Any) -> dict[str, Any]:
    return {
        "eventType": kind, "timestamp": now(), "seqNo": seq_no, "triggerReason": "Authorized", "evse": {"id": 1},
        "transactionInfo": {"transactionId": "tx"}, "idToken": {"idToken": "NOBODY", "type": "Central"}, **more,
    }  # fmt: skip


CONVERSATIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "1.6": [
        ("BootNotification", BOOT_16),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}),
        ("Authorize", {"idTag": "NOBODY"}),
        ("StartTransaction", {"connectorId": 1, "idTag": "NOBODY", "meterStart": 0, "timestamp": now()}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": now(), "sampledValue": [{"value": "1"}]}]}),
        ("StopTransaction", {"transactionId": -1, "idTag": "NOBODY", "meterStop": 1, "timestamp": now()}),
        ("DataTransfer", {"vendorId": "x"}),
        ("SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": now()}),
        ("Heartbeat", {}),
    ],
    "2.0.1": [
        ("BootNotification", BOOT_201),
        (
            "StatusNotification",
            {"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": now()},
        ),
        ("Authorize", {"idToken": {"idToken": "NOBODY", "type": "Central"}}),
        ("TransactionEvent", event("Started", 0)),
        ("TransactionEvent", event("Ended", 1)),
        ("MeterValues", {"evseId": 1, "meterValue": [{"timestamp": now(), "sampledValue": [{"value": 1}]}]}),
        ("DataTransfer", {"vendorId": "x"}),
        ("NotifyReport", {"requestId": 1, "generatedAt": now(), "seqNo": 0}),
        ("Heartbeat", {}),
    ],
}
CONVERSATIONS["2.1"] = [
    *CONVERSATIONS["2.0.1"],
    ("NotifyPriorityCharging", {"transactionId": "tx", "activated": True}),
    ("PullDynamicScheduleUpdate", {"chargingProfileId": 7}),
]


@pytest.mark.parametrize("ocpp", CONVERSATIONS)
async def test_a_client_that_ends_itself_at_the_least_mistake_lives(stack: Stack, ocpp: str) -> None:
    async with booted(stack, f"ocpp{ocpp}") as charger:
        for action, payload in CONVERSATIONS[ocpp]:
            answer = await charger.told(action, payload)
            letter.check_answer(ocpp, action, answer)
            if action == "BootNotification":
                assert answer["interval"] > 0 and answer["currentTime"].endswith("Z")
            if action == "TransactionEvent":
                assert answer["idTokenInfo"]["status"] == "Invalid"


async def test_who_gives_up_early_and_dials_again_is_stored_once(stack: Stack) -> None:
    password = await asyncio.to_thread(stack.register, identity := f"CP-{uuid.uuid4().hex[:10]}")
    told = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": now()}
    for attempt in range(4):
        async with dial(stack, identity, password, boot=attempt == 0) as charger:
            await charger.send([2, f"start-{attempt}", "StartTransaction", told])  # and hears no answer
    async with dial(stack, identity, password) as charger:
        number = (await charger.told("StartTransaction", told))["transactionId"]
        [session] = await sessions(stack, charger)
    assert session["transaction_id"] == str(number)


async def test_a_stop_told_again_at_shutdown_is_one_stop(stack: Stack) -> None:
    async with booted(stack) as charger:
        number = (await start(charger))["transactionId"]
        told = {"timestamp": now(), "reason": "Local"}
        for _ in range(3):
            await stop(charger, number, **told)
        [session] = await sessions(stack, charger)
    assert session["energy_wh"] == 2000 and not session["needs_review"]


async def test_number_0_in_the_first_event_and_in_the_last_are_two_events(stack: Stack) -> None:
    async with booted(stack, "ocpp2.0.1") as charger:
        for kind in ("Started", "Ended"):
            await charger.told("TransactionEvent", event(kind, 0, timestamp="2026-11-20T12:00:00Z"))
        [session] = await sessions(stack, charger)
    assert not session["is_open"] and not session["needs_review"]


async def answered_with(stack: Stack, charger: Wire, action: str, frame: list[Any]) -> Any:
    command = await asyncio.to_thread(stack.command, charger.identity, action, {})
    _, message_id, *_ = await charger.receive()
    await charger.send([frame[0], message_id, *frame[1:]])
    return await asyncio.to_thread(stack.settled, command["id"])


async def test_answers_that_break_the_schema_are_read_where_they_can_be(stack: Stack) -> None:
    async with booted(stack, "ocpp2.0.1") as charger:
        of_1_6 = await answered_with(stack, charger, "GetLocalListVersion", [3, {"listVersion": 7}])
        wordless = await answered_with(stack, charger, "ClearCache", [4, "InternalError", "", {}])
        endless = await answered_with(stack, charger, "ClearCache", [4, "GenericError", "x" * 5000, None])
        seen = await asyncio.to_thread(stack.get, f"chargers/{charger.identity}/")
    assert (of_1_6["status"], seen["local_list_version"]) == ("accepted", 7)
    assert wordless["status"] == endless["status"] == "failed" and wordless["explanation"] == "InternalError"


async def test_short_decimal_ids_spaces_and_empty_texts_are_fine(stack: Stack) -> None:
    async with booted(stack, user_agent_header=None) as charger:
        for number in (1, 2, 3):
            boot = {"chargePointVendor": "A", "chargePointModel": "M", "chargeBoxSerialNumber": "", "iccid": ""}
            await charger.send(json.dumps([2, str(number), "BootNotification", boot], indent=2))
            assert (await charger.receive())[:2] == [3, str(number)]


async def test_two_chargers_with_one_identity_evict_each_other_and_nothing_else(stack: Stack) -> None:
    password = await asyncio.to_thread(stack.register, identity := f"CP-{uuid.uuid4().hex[:10]}")
    async with booted(stack) as neighbour:
        for _ in range(6):
            async with dial(stack, identity, password, boot=True) as one, dial(stack, identity, password) as other:
                assert await one.close_code() == 1000
                assert await other.is_alive()
        assert await neighbour.is_alive()


async def test_a_crowd_that_leaves_at_once_comes_back_and_is_served(stack: Stack) -> None:
    names = [f"CP-{uuid.uuid4().hex[:10]}" for _ in range(CROWD)]
    passwords = dict(
        zip(names, await asyncio.gather(*(asyncio.to_thread(stack.register, n) for n in names)), strict=True)
    )

    async def arrive(identity: str, *, boot: bool) -> None:
        async with dial(stack, identity, passwords[identity], boot=boot, open_timeout=60) as charger:
            assert await charger.is_alive()
            charger.socket.transport.abort()  # no farewell

    for boot in (True, False):
        await asyncio.gather(*(arrive(identity, boot=boot) for identity in names))
    await asyncio.to_thread(until, lambda: not any(stack.get(f"chargers/{n}/")["is_online"] for n in names[::10]), 60)
