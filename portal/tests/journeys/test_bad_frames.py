"""Frames that no charger should send, on the running stack: each gets its answer, none ends anything but itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portal.tests.journeys.stack import Stack, until
from portal.tests.journeys.wire import BOOT, Wire, booted, dial, now

pytestmark = pytest.mark.timeout(180)
VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])

SHAPES = {
    "an object": "{}",
    "an empty array": "[]",
    "a lonely 2": "[2]",
    "a number as id": '[2,1,"Heartbeat",{}]',
    "an empty id": '[2,"","Heartbeat",{}]',
    "an endless id": f'[2,"{"x" * 300}","Heartbeat",{{}}]',
    "no payload": '[2,"1","Heartbeat"]',
}
NESTS = {
    "a deep nest": "[" * 100_000,
    "a deep nest in a payload": '[2,"1","Heartbeat",' + '{"a":' * 5000 + "1" + "}" * 5000 + "]",
}
NUMBERS = {
    "an integer of 5,000 digits": f'[2,"1","Heartbeat",{{"a":{"9" * 5000}}}]',
    "NaN": '[2,"1","Heartbeat",{"a":NaN}]',
    "more than a double holds": '[2,"1","Heartbeat",{"a":1e999}]',
}
REFUSALS = {"RpcFrameworkError", "FormatViolation", "TypeConstraintViolation"}


def frames(table: dict[str, str]) -> Any:
    return pytest.mark.parametrize("frame", table.values(), ids=table)


async def harms_nobody(stack: Stack, version: str, frame: str) -> None:
    """Nothing comes of it but, where the version wants it, a refusal; the next CALL is served."""
    async with booted(stack, version) as charger:
        await charger.send(frame)
        await charger.send([2, "after", "Heartbeat", {}])
        answers = [await charger.receive()]
        while answers[-1][1] != "after":
            answers.append(await charger.receive())
        for refusal in answers[:-1]:
            assert refusal[0] == 4, refusal
            assert version == "ocpp1.6" or refusal[2] in REFUSALS
            assert len(refusal[3]) <= 255 and frame[:200] not in refusal[3]
        assert version == "ocpp1.6" or len(answers) == 2, "2.x answers what it cannot read"


@VERSIONS
async def test_what_is_no_json_harms_nobody(stack: Stack, version: str) -> None:
    await harms_nobody(stack, version, "hello")


@VERSIONS
@frames(SHAPES)
async def test_a_frame_of_the_wrong_shape_harms_nobody(stack: Stack, version: str, frame: str) -> None:
    await harms_nobody(stack, version, frame)


@VERSIONS
@frames(NESTS)
async def test_a_deep_nest_harms_nobody(stack: Stack, version: str, frame: str) -> None:
    await harms_nobody(stack, version, frame)


@VERSIONS
@frames(NUMBERS)
async def test_a_number_that_nobody_can_hold_harms_nobody(stack: Stack, version: str, frame: str) -> None:
    await harms_nobody(stack, version, frame)


async def test_a_binary_frame_closes_with_1003(stack: Stack) -> None:
    async with booted(stack) as charger:
        await charger.send(b"\x00\x01")
        assert await charger.close_code() == 1003


async def test_twenty_unreadable_frames_a_minute_are_enough(stack: Stack) -> None:
    async with booted(stack) as charger:
        for _ in range(25):
            await charger.send("nonsense")
        assert await charger.close_code() == 1008


async def is_too_large(stack: Stack, compression: str | None) -> None:
    password = stack.register(identity := f"CP-HUGE-{compression}")
    async with dial(stack, identity, password, boot=True, compression=compression) as charger:
        await charger.send('[2,"1","Heartbeat",{"a":"' + "0" * (8 * 1024 * 1024) + '"}]')
        assert await charger.close_code() == 1009
    async with dial(stack, identity, password) as charger:
        assert await charger.is_alive()


async def test_a_frame_over_the_limit_closes_with_1009_and_the_charger_may_return(stack: Stack) -> None:
    await is_too_large(stack, None)


async def test_the_limit_counts_after_inflation(stack: Stack) -> None:
    await is_too_large(stack, "deflate")


async def test_a_day_of_transaction_data_in_one_frame_is_accepted(stack: Stack) -> None:
    async with booted(stack) as charger:
        start = await charger.told(
            "StartTransaction",
            {"connectorId": 1, "idTag": "X", "meterStart": 0, "timestamp": now()},
        )
        data = [
            {
                "timestamp": f"2026-11-{1 + i // 1440:02}T{i // 60 % 24:02}:{i % 60:02}:00Z",
                "sampledValue": [{"value": str(i)}],
            }
            for i in range(2880)
        ]
        stop = {
            "transactionId": start["transactionId"],
            "meterStop": 2880,
            "timestamp": now(),
            "transactionData": data,
        }
        assert 128 * 1024 < len(str(stop)) < 2 * 1024 * 1024
        await charger.told("StopTransaction", stop)
        [session] = stack.get("sessions/", charger=charger.identity)["results"]
        assert session["energy_wh"] == 2880


@VERSIONS
async def test_an_unknown_action_is_not_implemented(stack: Stack, version: str) -> None:
    async with booted(stack, version) as charger:
        assert (await charger.call("MakeCoffee", {}))[:3:2] == [4, "NotImplemented"]


NUL = "bad\\u0000vendor"
SURROGATE = "bad\\ud800vendor"


async def is_replaced(stack: Stack, vendor: str) -> None:
    async with booted(stack) as charger:
        await charger.send(f'[2,"b","BootNotification",{{"chargePointVendor":"{vendor}","chargePointModel":"M"}}]')
        assert (await charger.receive())[2]["status"] == "Accepted"
    assert stack.get(f"chargers/{charger.identity}/")["vendor"] == "bad\ufffdvendor"


async def test_a_nul_is_replaced_and_answered(stack: Stack) -> None:
    await is_replaced(stack, NUL)


async def test_a_lone_surrogate_is_replaced_and_answered(stack: Stack) -> None:
    await is_replaced(stack, SURROGATE)


async def test_with_a_key_twice_the_last_wins(stack: Stack) -> None:
    async with booted(stack) as charger:
        await charger.send(
            '[2,"b","BootNotification",{"chargePointVendor":"A","chargePointVendor":"B","chargePointModel":"M"}]'
        )
        assert (await charger.receive())[0] == 3
    assert stack.get(f"chargers/{charger.identity}/")["vendor"] == "B"


async def test_a_missing_field_is_refused_unless_money_can_be_told(stack: Stack) -> None:
    async with booted(stack) as charger:
        refused = await charger.call("StatusNotification", {"connectorId": 1, "status": "Available"})
        assert refused[0] == 4 and refused[2] in {"ProtocolError", "FormationViolation", "OccurenceConstraintViolation"}
        number = (await charger.told("StartTransaction", {"connectorId": 1, "idTag": "A"}))["transactionId"]
        await charger.told("StopTransaction", {"transactionId": number})
        assert await sessions_of(stack, charger) == 1
    async with booted(stack, "ocpp2.0.1") as station:
        refused = await station.call("StatusNotification", {"evseId": 1, "connectorStatus": "Available"})
        assert refused[:3:2] == [4, "OccurrenceConstraintViolation"]
        event = {"eventType": "Started", "transactionInfo": {"transactionId": "terse"}}
        await station.told("TransactionEvent", event)
        assert await sessions_of(stack, station) == 1


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (
            {"connectorId": 1, "errorCode": "NoError", "status": "Sleepy"},
            {"PropertyConstraintViolation"},
        ),
        (
            {"connectorId": "one", "errorCode": "NoError", "status": "Available"},
            {"TypeConstraintViolation"},
        ),
    ],
    ids=["a wrong word", "a wrong type"],
)
async def test_a_wrong_status_is_refused_with_the_right_code(stack: Stack, payload: Any, code: set[str]) -> None:
    async with booted(stack) as charger:
        answer = await charger.call("StatusNotification", payload)
        assert answer[0] == 4 and answer[2] in code
        assert await charger.is_alive()


async def test_unambiguous_slips_and_unknown_fields_are_tolerated(stack: Stack) -> None:
    async with booted(stack) as charger:
        slip = {
            "connectorId": "1",
            "errorCode": "NoError",
            "status": "Available",
            "vendorSpecial": {"a": 1},
        }
        await charger.told("StatusNotification", slip)
    [connector] = stack.get(f"chargers/{charger.identity}/")["connectors"]
    assert (connector["evse_id"], connector["status"]) == (1, "available")


async def test_an_answer_to_nothing_is_passed_over(stack: Stack) -> None:
    async with booted(stack) as charger:
        await charger.send([3, "never-asked", {"status": "Accepted"}])
        await charger.send([4, "never-asked", "GenericError", "", {}])
        assert await charger.is_alive()


def a_start(**changes: Any) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "A", "meterStart": 10, "timestamp": "2026-11-20T12:00:00Z", **changes}


async def sessions_of(stack: Stack, charger: Wire) -> int:
    return len((await asyncio.to_thread(stack.get, "sessions/", charger=charger.identity))["results"])


async def test_the_same_id_again_while_the_first_is_in_work_is_answered_once(stack: Stack) -> None:
    async with booted(stack) as charger:
        for _ in range(2):
            await charger.send([2, "7", "StartTransaction", a_start()])
        await charger.send([2, "after", "Heartbeat", {}])
        heard = [await charger.receive(), await charger.receive()]
        assert [answer[1] for answer in heard] == ["7", "after"]
        assert await sessions_of(stack, charger) == 1


async def test_the_same_call_after_its_answer_gets_the_stored_one(stack: Stack) -> None:
    async with booted(stack) as charger:
        first = await charger.call("StartTransaction", a_start(), "7")
        assert await charger.call("StartTransaction", a_start(), "7") == first
        assert await sessions_of(stack, charger) == 1


async def test_the_same_id_with_another_payload_is_another_call(stack: Stack) -> None:
    async with booted(stack) as charger:
        first = await charger.call("StartTransaction", a_start(), "7")
        other = await charger.call("StartTransaction", a_start(connectorId=2), "7")
        assert first[2]["transactionId"] != other[2]["transactionId"]
        assert await sessions_of(stack, charger) == 2


async def test_a_start_whose_answer_was_lost_has_the_same_number_again(stack: Stack) -> None:
    async with booted(stack) as charger:
        first = await charger.call("StartTransaction", a_start(), "7")
        again = await charger.call("StartTransaction", a_start(), "8")
        assert again[2]["transactionId"] == first[2]["transactionId"]
        assert await sessions_of(stack, charger) == 1


@VERSIONS
async def test_calls_in_a_row_are_answered_once_each_in_order(stack: Stack, version: str) -> None:
    async with booted(stack, version) as charger:
        for n in range(12):
            await charger.send([2, f"n{n}", "Heartbeat", {}])
        await charger.send([2, "n3", "Heartbeat", {}])
        assert [(await charger.receive())[1] for _ in range(12)] == [f"n{n}" for n in range(12)]


async def test_before_its_first_boot_a_charger_may_only_boot(stack: Stack) -> None:
    password = stack.register("CP-UNBOOTED")
    async with dial(stack, "CP-UNBOOTED", password) as charger:
        refused = await charger.call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
        )
        assert refused[:3:2] == [4, "SecurityError"]
        assert (await charger.told("BootNotification", BOOT["ocpp1.6"]))["status"] == "Accepted"
    async with dial(stack, "CP-UNBOOTED", password) as charger:
        assert await charger.is_alive(), "a reconnect needs no boot"


async def test_an_empty_boot_is_refused_and_an_endless_one_clipped(
    stack: Stack,
) -> None:
    async with booted(stack) as charger:
        assert (await charger.call("BootNotification", {}))[0] == 4
        long = {"chargePointVendor": "V" * 10_000, "chargePointModel": "M"}
        await charger.call("BootNotification", long)
        assert await charger.is_alive()
    assert len(stack.get(f"chargers/{charger.identity}/")["vendor"]) <= 64


async def test_a_flood_of_boots_is_answered_and_slowed(stack: Stack) -> None:
    async with booted(stack) as charger:
        answers = [await charger.told("BootNotification", BOOT["ocpp1.6"]) for _ in range(14)]
    assert answers[-1]["interval"] > answers[0]["interval"] or answers[-1]["status"] == "Pending"


GARBAGE: dict[str, Any] = {
    "no status": {}, "a number": {"status": 7}, "a wrong word": {"status": "Perhaps"}, "a list": [],
}  # fmt: skip


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_a_garbage_answer_fails_the_command_and_is_shown(stack: Stack, answer: Any) -> None:
    async with booted(stack) as charger:
        command = await asyncio.to_thread(stack.command, charger.identity, "Reset", {"type": "Soft"})
        asked = await next_call(charger, "Reset")
        assert asked[1] == command["id"]
        await charger.send([3, asked[1], answer])
        settled = await asyncio.to_thread(stack.settled, command["id"])
        assert settled["status"] == "failed" and settled["explanation"]
        assert settled["answer"] == answer
        assert await charger.is_alive()


async def test_a_charger_that_refuses_with_an_error_fails_the_command(
    stack: Stack,
) -> None:
    async with booted(stack) as charger:
        command = await asyncio.to_thread(stack.command, charger.identity, "Reset", {"type": "Soft"})
        asked = await next_call(charger, "Reset")
        await charger.send([4, asked[1], "InternalError", "", {}])
        assert (await asyncio.to_thread(stack.settled, command["id"]))["status"] == "failed"


async def next_call(charger: Wire, action: str) -> Any:
    """Our next CALL of that action; others (the portal reads configuration after a boot) are answered NotSupported."""
    while True:
        frame = await charger.receive()
        if frame[0] == 2 and frame[2] == action:
            return frame
        if frame[0] == 2:
            await charger.send([4, frame[1], "NotSupported", "", {}])


async def test_the_log_keeps_what_could_not_be_read(stack: Stack) -> None:
    async with booted(stack) as charger:
        await charger.send("what is this")
        messages = until(
            lambda: [
                m
                for m in stack.get(f"chargers/{charger.identity}/messages/")["results"]
                if m["request"] == "what is this"
            ]
        )
    assert messages[0]["outcome"] == "unreadable"
