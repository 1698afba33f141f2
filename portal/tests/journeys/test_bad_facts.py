"""Readable frames that tell odd things about sessions and time: stored, flagged, confirmed; no error where money is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import Wire, booted, now

pytestmark = pytest.mark.timeout(180)


async def start(charger: Wire, **changes: Any) -> dict[str, Any]:
    return await charger.told(
        "StartTransaction",
        {
            "connectorId": 1,
            "idTag": "TAG",
            "meterStart": 1000,
            "timestamp": now(),
            **changes,
        },
    )


async def stop(charger: Wire, transaction_id: int, **changes: Any) -> dict[str, Any]:
    return await charger.told(
        "StopTransaction",
        {
            "transactionId": transaction_id,
            "meterStop": 3000,
            "timestamp": now(),
            **changes,
        },
    )


async def sessions(stack: Stack, charger: Wire) -> Any:
    return (await asyncio.to_thread(stack.get, "sessions/", charger=charger.identity))["results"]


async def test_a_start_on_a_busy_connector_supersedes_the_old_session(
    stack: Stack,
) -> None:
    async with booted(stack) as charger:
        first = await start(charger)
        second = await start(charger, meterStart=1500)
        assert first["transactionId"] != second["transactionId"]
        new, old = await sessions(stack, charger)
    assert old["is_superseded"] and not new["is_superseded"]


async def test_an_unknown_token_gets_a_transaction_and_invalid(stack: Stack) -> None:
    async with booted(stack) as charger:
        answer = await start(charger, idTag="' OR 1=1--")
        assert answer["transactionId"] > 0 and answer["idTagInfo"]["status"] == "Invalid"


@pytest.mark.parametrize("transaction_id", [0, -1, 2_000_000_000])
async def test_a_stop_of_nothing_is_confirmed_and_kept(stack: Stack, transaction_id: int) -> None:
    async with booted(stack) as charger:
        await stop(charger, transaction_id)
        assert await charger.is_alive()


async def test_a_stop_of_anothers_session_leaves_it_alone(stack: Stack) -> None:
    async with booted(stack) as victim, booted(stack) as stranger:
        theirs = await start(victim)
        await stop(stranger, theirs["transactionId"])
        [session] = await sessions(stack, victim)
    assert session["stopped_at"] is None


async def test_the_first_stop_stays(stack: Stack) -> None:
    async with booted(stack) as charger:
        started = await start(charger)
        await stop(charger, started["transactionId"], reason="Local")
        await stop(charger, started["transactionId"], meterStop=9000, reason="Remote")
        [session] = await sessions(stack, charger)
    assert (session["energy_wh"], session["stop_reason"], session["needs_review"]) == (
        2000,
        "Local",
        True,
    )


async def test_a_meter_that_ran_backwards_is_stored_and_never_billed(
    stack: Stack,
) -> None:
    async with booted(stack) as charger:
        started = await start(charger)
        await stop(charger, started["transactionId"], meterStop=10)
        [session] = await sessions(stack, charger)
    assert session["energy_wh"] is None and session["needs_review"]
    assert (session["meter_start_wh"], session["meter_stop_wh"]) == (1000, 10)


async def test_repeated_and_reordered_meter_values_are_stored_once(
    stack: Stack,
) -> None:
    async with booted(stack) as charger:
        started = await start(charger)
        value = [
            {
                "value": "1.25",
                "unit": "kWh",
                "measurand": "Energy.Active.Import.Register",
            }
        ]
        for second in (3, 1, 3, 2, 1):
            await charger.told(
                "MeterValues",
                {
                    "connectorId": 1,
                    "transactionId": started["transactionId"],
                    "meterValue": [
                        {
                            "timestamp": f"2026-11-20T12:00:0{second}Z",
                            "sampledValue": value,
                        }
                    ],
                },
            )
        [session] = await sessions(stack, charger)
        path = f"sessions/{session['id']}/meter-values/"
        values = (await asyncio.to_thread(stack.get, path))["results"]
    assert len(values) == 3 and {v["energy_wh"] for v in values} == {1250.0}


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T12:00:00", "2026-11-20T14:00:00+02", "1970-01-01T00:00:00Z", "2036-02-07T06:28:16Z",
     "222222017-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T12:00:00.123456789Z", ""],
)  # fmt: skip
async def test_any_clock_may_start_and_stop_a_session(stack: Stack, text: str) -> None:
    async with booted(stack) as charger:
        started = await start(charger, timestamp=text)
        await stop(charger, started["transactionId"], timestamp=text)
        [session] = await sessions(stack, charger)
    assert session["energy_wh"] == 2000
    assert session["stopped_at"] >= session["started_at"]


@pytest.mark.parametrize("connector", [0, 99])
async def test_an_unexpected_connector_is_recorded(stack: Stack, connector: int) -> None:
    async with booted(stack) as charger:
        status = {
            "connectorId": connector,
            "errorCode": "NoError",
            "status": "Available",
        }
        await charger.told("StatusNotification", status)
        seen = await asyncio.to_thread(stack.get, f"chargers/{charger.identity}/")
    assert [c["evse_id"] for c in seen["connectors"]] == [connector]


async def test_2_0_1_events_in_any_order_make_one_whole_session(stack: Stack) -> None:
    def event(kind: str, seq_no: int, wh: float) -> dict[str, Any]:
        value = {"value": wh / 1000, "unitOfMeasure": {"unit": "kWh"}}
        return {
            "eventType": kind, "timestamp": f"2026-11-20T12:0{seq_no}:00Z", "seqNo": seq_no,
            "triggerReason": "MeterValuePeriodic", "evse": {"id": 1, "connectorId": 1}, "offline": True,
            "transactionInfo": {"transactionId": "tx-1"}, "idToken": {"idToken": "T", "type": "Central"},
            "meterValue": [{"timestamp": f"2026-11-20T12:0{seq_no}:00Z", "sampledValue": [value]}],
        }  # fmt: skip

    async with booted(stack, "ocpp2.0.1") as charger:
        for frame in (
            event("Ended", 2, 9000),
            event("Started", 0, 5000),
            event("Updated", 1, 7000),
            event("Ended", 2, 9000),
        ):
            answer = await charger.told("TransactionEvent", frame)
            assert answer["idTokenInfo"]["status"] == "Invalid"
        [session] = await sessions(stack, charger)
    assert (session["energy_wh"], session["transaction_id"]) == (4000, "tx-1")
    assert session["stopped_at"] is not None and not session["is_incomplete"]


async def test_a_second_version_of_an_event_is_a_conflict(stack: Stack) -> None:
    async with booted(stack, "ocpp2.0.1") as charger:
        base = {
            "eventType": "Started", "timestamp": "2026-11-20T12:00:00Z", "seqNo": 0, "triggerReason": "Authorized",
            "evse": {"id": 1}, "transactionInfo": {"transactionId": "tx-2"},
        }  # fmt: skip
        await charger.told("TransactionEvent", base)
        await charger.told("TransactionEvent", {**base, "evse": {"id": 2}})
        [session] = await sessions(stack, charger)
    assert session["evse_id"] == 1 and session["needs_review"]
