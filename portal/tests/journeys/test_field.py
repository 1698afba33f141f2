"""What real chargers were seen to do, on the running stack: oddities that are no faults, and must not become any."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portal.tests.journeys.browser import desk
from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import Wire, booted, dial, now

pytestmark = pytest.mark.timeout(180)


async def sessions(stack: Stack, charger: Wire) -> Any:
    return (await asyncio.to_thread(stack.get, "sessions/", charger=charger.identity))["results"]


async def meter_values(stack: Stack, session: dict[str, Any]) -> Any:
    return (await asyncio.to_thread(stack.get, f"sessions/{session['id']}/meter-values/"))["results"]


async def test_text_that_is_no_utf_8_closes_with_1007(stack: Stack) -> None:
    async with booted(stack) as charger:
        await charger.socket.send(b'[2,"1","Heartbeat",{"a":"\xff"}]', text=True)
        assert await charger.close_code() == 1007


async def test_a_known_action_that_nobody_serves_is_not_supported(stack: Stack) -> None:
    async with booted(stack) as charger:
        answer = await charger.call("Reset", {"type": "Soft"})
        assert answer[0] == 4 and answer[2] in {"NotSupported", "NotImplemented"}


async def test_boot_and_status_in_one_breath_are_answered_in_order(stack: Stack) -> None:
    password = await asyncio.to_thread(stack.register, identity := "CP-PIPELINE")
    async with dial(stack, identity, password) as charger:
        await charger.send(
            '[2, "1", "BootNotification", {"chargePointVendor": "A", "chargePointModel": "M", "iccid": ""}]'
        )
        for connector in (0, 1, 2):
            status = {"connectorId": connector, "errorCode": "NoError", "status": "Available", "info": ""}
            await charger.send([2, str(connector + 2), "StatusNotification", status])
        assert [(await charger.receive())[1] for _ in range(4)] == ["1", "2", "3", "4"]


async def test_a_stop_before_its_start_is_kept_for_people_to_look_at(stack: Stack) -> None:
    async with booted(stack) as charger:
        stop = {"transactionId": 987654, "meterStop": 5000, "timestamp": now(), "idTag": "CARD"}
        await charger.told("StopTransaction", stop)
        [session] = await sessions(stack, charger)
    assert session["needs_review"] and session["is_incomplete"] and session["energy_wh"] is None


async def test_a_meter_that_jumps_to_the_moon_is_kept_and_not_counted(stack: Stack) -> None:
    async with booted(stack) as charger:
        start = {"connectorId": 1, "idTag": "C", "meterStart": 100, "timestamp": now()}
        number = (await charger.told("StartTransaction", start))["transactionId"]
        for value in ("150", "1000000000000"):
            reading = {"timestamp": now(), "sampledValue": [{"value": value}]}
            await charger.told("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [reading]})
            await asyncio.sleep(0.01)
        [session] = await sessions(stack, charger)
        values = await meter_values(stack, session)
    assert session["energy_wh"] == 50 and session["needs_review"]
    assert sorted(value["is_suspect"] for value in values) == [False, True]


async def test_begin_and_end_within_the_same_second_are_two_readings(stack: Stack) -> None:
    """Clocks of a second, a session of less: the contexts tell which register was first."""
    moment = now()

    def event(kind: str, seq_no: int, wh: int, context: str) -> dict[str, Any]:
        return {
            "eventType": kind, "timestamp": moment, "seqNo": seq_no, "triggerReason": "RemoteStart",
            "evse": {"id": 1}, "transactionInfo": {"transactionId": "blink"},
            "meterValue": [{"timestamp": moment, "sampledValue": [{"value": wh, "context": context}]}],
        }  # fmt: skip

    async with booted(stack, "ocpp2.0.1") as charger:
        await charger.told("TransactionEvent", event("Started", 0, 500, "Transaction.Begin"))
        await charger.told("TransactionEvent", event("Ended", 0, 1700, "Transaction.End"))
        [session] = await sessions(stack, charger)
    assert (session["energy_wh"], session["needs_review"]) == (1200, False)


async def test_kilowatt_hours_signed_values_and_long_texts_are_read(stack: Stack) -> None:
    signed = {
        "value": 1.5, "unitOfMeasure": {"unit": "kWh"},
        "signedMeterValue": {
            "signedMeterData": "T0NNRnx7" * 200, "signingMethod": "ECDSA", "encodingMethod": "OCMF", "publicKey": "",
        },
    }  # fmt: skip
    async with booted(stack, "ocpp2.0.1") as charger:
        event = {
            "eventType": "Started", "timestamp": now(), "seqNo": 0, "triggerReason": "CablePluggedIn",
            "evse": {"id": 1}, "transactionInfo": {"transactionId": "signed"},
            "meterValue": [{"timestamp": now(), "sampledValue": [signed]}],
        }  # fmt: skip
        await charger.told("TransactionEvent", event)
        [session] = await sessions(stack, charger)
        [value] = await meter_values(stack, session)
    assert value["energy_wh"] == 1500.0


async def test_a_long_signed_text_as_a_1_6_value_is_kept_raw(stack: Stack) -> None:
    text = '{"ocmf": "' + "A" * 4000 + '"}'
    async with booted(stack) as charger:
        number = (
            await charger.told(
                "StartTransaction", {"connectorId": 1, "idTag": "C", "meterStart": 0, "timestamp": now()}
            )
        )["transactionId"]
        values = [
            {"value": text, "format": "SignedData"},
            {"value": "12.5", "measurand": "Power.Active.Import", "unit": "kW"},
        ]
        await charger.told(
            "MeterValues",
            {"connectorId": 1, "transactionId": number, "meterValue": [{"timestamp": now(), "sampledValue": values}]},
        )
        [session] = await sessions(stack, charger)
        [value] = await meter_values(stack, session)
    assert value["power_w"] == 12_500 and text in [sample["raw"] for sample in value["samples"]]


@pytest.mark.parametrize("form", ["text", "hex"])
async def test_the_key_may_come_as_text_or_as_hexadecimal_digits(stack: Stack, form: str) -> None:
    password = await asyncio.to_thread(stack.register, identity := f"CP-KEY-{form}")
    key = password if form == "text" else password.encode().hex()
    async with dial(stack, identity, key, boot=True) as charger:
        assert await charger.is_alive()


async def test_what_a_charger_calls_itself_cannot_run_in_a_browser(stack: Stack) -> None:
    bad = '<img src=x onerror="document.title=1">'
    async with booted(stack) as charger:
        await charger.told("BootNotification", {"chargePointVendor": bad[:20], "chargePointModel": "<b>M</b>"})
        status = {"connectorId": 1, "errorCode": "OtherError", "status": "Faulted", "info": bad, "vendorErrorCode": bad}
        await charger.told("StatusNotification", status)
        async with desk(stack) as page:
            for path in ("", "log/", "connection/"):
                await page.goto(f"{stack.url}/chargers/{charger.identity}/{path}")
                assert await page.locator("img[src=x]").count() == 0
                assert await page.locator("b:text-is('M')").count() == 0
            assert "<b>M</b>" in await page.locator("body").inner_text()
