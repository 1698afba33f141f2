"""OCPP 1.6: cases in which the charge point speaks, and what the operator sees of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chargers.tests.test_authority import signing_request
from portal.tests.certification.orders import give, hear
from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import BOOT, Wire, booted, now

FREE, TAKEN = "Available", "Preparing"


async def show(wire: Wire, status: str, error: str = "NoError") -> None:
    told = {"connectorId": 1, "status": status, "errorCode": error, "timestamp": now()}
    assert await wire.told("StatusNotification", told) == {}


async def start(wire: Wire, card: str, **more: object) -> int:
    told = {"connectorId": 1, "idTag": card, "meterStart": 1000, "timestamp": now(), **more}
    answer = await wire.told("StartTransaction", told)
    assert answer["idTagInfo"]["status"] == "Accepted"
    return int(answer["transactionId"])


async def stop(wire: Wire, number: int, reason: str, **more: object) -> None:
    told = {"transactionId": number, "meterStop": 2500, "timestamp": now(), "reason": reason, **more}
    await wire.told("StopTransaction", told)


async def session(stack: Stack, wire: Wire) -> Any:
    (only,) = (await asyncio.to_thread(stack.get, "sessions/", charger=wire.identity))["results"]
    return only


async def test_tc_001_cold_boot(stack: Stack) -> None:
    async with booted(stack) as wire:
        answer = await wire.told("BootNotification", BOOT["ocpp1.6"])
        assert (answer["status"], answer["interval"] > 0, answer["currentTime"][-1]) == ("Accepted", True, "Z")
        for connector in (0, 1):
            told = {"connectorId": connector, "status": FREE, "errorCode": "NoError"}
            assert await wire.told("StatusNotification", told) == {}
        assert await wire.is_alive()


async def test_tc_003_plugged_in_first(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack) as wire:
        await show(wire, TAKEN)
        assert (await wire.told("Authorize", {"idTag": cards["accepted"]}))["idTagInfo"]["status"] == "Accepted"
        number = await start(wire, cards["accepted"])
        await show(wire, "Charging")
        await stop(wire, number, "Local", idTag=cards["accepted"])
        await show(wire, "Finishing")
        await show(wire, FREE)
        found = await session(stack, wire)
    assert (found["energy_wh"], found["stop_reason"]) == (1500, "Local")


async def test_tc_005_1_unplugged_at_the_car(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack) as wire:
        number = await start(wire, cards["accepted"])
        await show(wire, "SuspendedEV")
        await stop(wire, number, "EVDisconnected")
        assert (await session(stack, wire))["stop_reason"] == "EVDisconnected"


async def test_tc_010_remote_start(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack) as wire:
        await show(wire, TAKEN)
        order = {"token": cards["accepted"], "evse_id": 1}
        command = await give(stack, wire, "remote_start", order)
        assert (await hear(wire, {"status": "Accepted"}))[0] == "RemoteStartTransaction"
        assert (await asyncio.to_thread(stack.settled, command["id"]))["status"] == "accepted"
        number = await start(wire, cards["accepted"])
        command = await give(stack, wire, "remote_stop", {"transaction_id": number})  # TC_012
        assert await hear(wire, {"status": "Accepted"}) == ("RemoteStopTransaction", {"transactionId": number})
        await stop(wire, number, "Remote")
        assert (await session(stack, wire))["stop_reason"] == "Remote"


@pytest.mark.parametrize(
    ("card", "status"),
    [("unknown", "Invalid"), ("expired", "Expired"), ("blocked", "Blocked")],
    ids=["TC_023_1", "TC_023_2", "TC_023_3"],
)
async def test_16_authorize(stack: Stack, cards: dict[str, str], card: str, status: str) -> None:
    async with booted(stack) as wire:
        assert (await wire.told("Authorize", {"idTag": cards[card]}))["idTagInfo"]["status"] == status


async def test_tc_024_lock_failure(stack: Stack) -> None:
    async with booted(stack) as wire:
        await show(wire, "Faulted", "ConnectorLockFailure")
        (connector,) = (await asyncio.to_thread(stack.get, f"chargers/{wire.identity}/"))["connectors"]
    assert (connector["status"], connector["error_code"]) == ("faulted", "ConnectorLockFailure")


async def test_tc_032_1_power_failure_stops_the_session(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack) as wire:
        number = await start(wire, cards["accepted"])
        await wire.told("BootNotification", BOOT["ocpp1.6"])
        await stop(wire, number, "PowerLoss")
        assert (await session(stack, wire))["stop_reason"] == "PowerLoss"


async def test_tc_037_3_offline_start_of_an_unknown_card(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack) as wire:
        told = {"connectorId": 1, "idTag": cards["unknown"], "meterStart": 0, "timestamp": "2026-11-01T10:00:00Z"}
        answer = await wire.told("StartTransaction", told)
        assert (answer["idTagInfo"]["status"], answer["transactionId"] > 0) == ("Invalid", True)
        await stop(wire, answer["transactionId"], "DeAuthorized")


async def test_tc_039_offline_session(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack) as wire:
        number = await start(wire, cards["accepted"], timestamp="2026-11-01T10:00:00Z")
        await stop(wire, number, "Local", timestamp="2026-11-01T11:00:00Z")
        found = await session(stack, wire)
    assert (found["started_at"], found["energy_wh"]) == ("2026-11-01T10:00:00Z", 1500)


async def test_tc_053_reserved_for_a_card_of_the_same_group(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack) as wire:
        order = {"evse_id": 1, "token": cards["accepted"], "expires_at": "2030-01-01T00:00:00Z", "reservation_id": 5}
        await give(stack, wire, "reserve", order)
        await hear(wire, {"status": "Accepted"})
        info = (await wire.told("Authorize", {"idTag": cards["sibling"]}))["idTagInfo"]
        assert (info["status"], info["parentIdTag"]) == ("Accepted", "FLEET-7")
        await start(wire, cards["sibling"], reservationId=5)


async def test_tc_064_vendor_message(stack: Stack) -> None:
    async with booted(stack) as wire:
        answer = await wire.told("DataTransfer", {"vendorId": "nobody.knows", "data": "x"})
        assert answer["status"] in ("UnknownVendorId", "Rejected")


async def test_tc_074_a_new_certificate_for_the_charge_point(stack: Stack) -> None:
    async with booted(stack) as wire:
        command = await give(stack, wire, "trigger", {"message": "SignCertificate"})
        action, payload = await hear(wire, {"status": "Accepted"})
        assert (action, payload) == ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        assert (await asyncio.to_thread(stack.settled, command["id"]))["status"] == "accepted"
        assert await wire.told("SignCertificate", {"csr": signing_request(wire.identity)}) == {"status": "Accepted"}
        action, payload = await hear(wire, {"status": "Accepted"})
        assert action == "CertificateSigned" and "BEGIN CERTIFICATE" in payload["certificateChain"]


@pytest.mark.parametrize(
    "kind",
    ["InvalidChargePointCertificate", "InvalidCentralSystemCertificate"],
    ids=["TC_077", "TC_078"],
)
async def test_16_security_event(stack: Stack, kind: str) -> None:
    async with booted(stack) as wire:
        assert await wire.told("SecurityEventNotification", {"type": kind, "timestamp": now()}) == {}
