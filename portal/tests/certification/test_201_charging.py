"""OCPP 2.0.1: cases in which the charging station speaks, and what the operator sees of it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from chargers.tests.test_authority import signing_request
from portal.tests.certification.orders import give, hear
from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import BOOT, Wire, booted, now

VERSION = "ocpp2.0.1"
PLACE = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Temperature"}}
SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}


class Station:
    """A station with one session."""

    def __init__(self, wire: Wire, card: str) -> None:
        self.wire, self.seq_no, self.name = wire, -1, uuid.uuid4().hex
        self.token = {"idToken": card, "type": "ISO14443"}

    async def event(self, kind: str, trigger: str, state: str = "", token: bool = False, **info: Any) -> Any:
        """A TransactionEvent; the payload of the answer."""
        self.seq_no += 1
        told = {
            "eventType": kind,
            "timestamp": now(),
            "triggerReason": trigger,
            "seqNo": self.seq_no,
            "transactionInfo": {"transactionId": self.name, **({"chargingState": state} if state else {}), **info},
            "evse": {"id": 1, "connectorId": 1},
        }
        return await self.wire.told("TransactionEvent", told | ({"idToken": self.token} if token else {}))


async def seen(stack: Stack, wire: Wire) -> Any:
    (only,) = (await asyncio.to_thread(stack.get, "sessions/", charger=wire.identity))["results"]
    return only


async def test_tc_b_01_cold_boot(stack: Stack) -> None:
    async with booted(stack, VERSION) as wire:
        answer = await wire.told("BootNotification", BOOT[VERSION])
        assert (answer["status"], answer["interval"] > 0, answer["currentTime"][-1]) == ("Accepted", True, "Z")
        told = {"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": now()}
        assert await wire.told("StatusNotification", told) == {}


@pytest.mark.parametrize(
    ("card", "status"),
    [("unknown", "Invalid"), ("blocked", "Blocked"), ("expired", "Expired"), ("accepted", "Accepted")],
    ids=["TC_C_02", "TC_C_06", "TC_C_07", "TC_C_08"],
)
async def test_201_authorize(stack: Stack, cards: dict[str, str], card: str, status: str) -> None:
    async with booted(stack, VERSION) as wire:
        answer = await wire.told("Authorize", {"idToken": {"idToken": cards[card], "type": "ISO14443"}})
    # An unknown card is Invalid or Unknown, as the CSMS likes.
    assert answer["idTokenInfo"]["status"] in {status, "Unknown" if status == "Invalid" else status}


async def test_tc_c_39_cards_of_one_group(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack, VERSION) as wire:
        groups = [
            (await wire.told("Authorize", {"idToken": {"idToken": cards[card], "type": "ISO14443"}}))["idTokenInfo"]
            for card in ("accepted", "sibling")
        ]
    assert groups[0]["groupIdToken"] == groups[1]["groupIdToken"] == {"idToken": "FLEET-7", "type": "Central"}


BEGIN = [
    ("TC_E_01", "ChargingStateChanged", "Charging"),
    ("TC_E_02", "ChargingStateChanged", "Charging"),
    ("TC_E_03", "CablePluggedIn", "EVConnected"),
    ("TC_E_04", "Authorized", "Idle"),
    ("TC_E_09", "CablePluggedIn", "EVConnected"),
    ("TC_E_10", "Authorized", "Idle"),
    ("TC_E_11", "SignedDataReceived", "EVConnected"),
    ("TC_E_12", "EVDetected", "Idle"),
]


@pytest.mark.parametrize(("case", "trigger", "state"), BEGIN, ids=[row[0] for row in BEGIN])
async def test_201_start(stack: Stack, cards: dict[str, str], case: str, trigger: str, state: str) -> None:
    async with booted(stack, VERSION) as wire:
        station = Station(wire, cards["accepted"])
        answer = await station.event("Started", trigger, state, token=True)
        assert answer["idTokenInfo"]["status"] == "Accepted"
        assert await station.event("Updated", "ChargingStateChanged", "Charging") == {}
        assert (await seen(stack, wire))["stopped_at"] is None


END = [
    ("TC_E_07", "StopAuthorized", "Local"),
    ("TC_E_08", "StopAuthorized", "Local"),
    ("TC_E_14", "EVCommunicationLost", "EVDisconnected"),
    ("TC_E_15", "StopAuthorized", "Local"),
    ("TC_E_16", "Deauthorized", "DeAuthorized"),
    ("TC_E_19", "EVDeparted", "Local"),
    ("TC_E_20", "EVCommunicationLost", "EVDisconnected"),
    ("TC_E_22", "ChargingStateChanged", "StoppedByEV"),
    ("TC_E_39", "EVConnectTimeout", "Timeout"),
]


@pytest.mark.parametrize(("case", "trigger", "reason"), END, ids=[row[0] for row in END])
async def test_201_stop(stack: Stack, cards: dict[str, str], case: str, trigger: str, reason: str) -> None:
    async with booted(stack, VERSION) as wire:
        station = Station(wire, cards["accepted"])
        await station.event("Started", "Authorized", "Charging", token=True)
        await station.event("Ended", trigger, stoppedReason=reason)
        found = await seen(stack, wire)
    assert (found["stop_reason"], found["stopped_at"] is None) == (reason, False)


async def test_tc_e_21_remote_stop(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack, VERSION) as wire:
        station = Station(wire, cards["accepted"])
        await station.event("Started", "Authorized", "Charging", token=True)
        await give(stack, wire, "remote_stop", {"transaction_id": station.name})
        heard = await hear(wire, {"status": "Accepted"})
        await station.event("Ended", "RemoteStop", stoppedReason="Remote")
        assert (await seen(stack, wire))["stop_reason"] == "Remote"
    assert heard == ("RequestStopTransaction", {"transactionId": station.name})


async def test_tc_f_01_remote_start(stack: Stack, cards: dict[str, str]) -> None:
    async with booted(stack, VERSION) as wire:
        await give(stack, wire, "remote_start", {"token": cards["accepted"], "evse_id": 1})
        action, payload = await hear(wire, {"status": "Accepted"})
        station = Station(wire, cards["accepted"])
        answer = await station.event(
            "Started", "RemoteStart", "Charging", token=True, remoteStartId=payload["remoteStartId"]
        )
    assert (action, payload["evseId"]) == ("RequestStartTransaction", 1)
    assert answer["idTokenInfo"]["status"] == "Accepted"


@pytest.mark.parametrize(
    ("taken", "status"), [("Accepted", "accepted"), ("Rejected", "rejected")], ids=["TC_A_11", "TC_A_14"]
)
async def test_201_new_certificate(stack: Stack, taken: str, status: str) -> None:
    async with booted(stack, VERSION) as wire:
        await give(stack, wire, "trigger", {"message": "SignCertificate"})
        assert (await hear(wire, {"status": "Accepted"}))[1] == {"requestedMessage": "SignChargingStationCertificate"}
        csr = {"csr": signing_request(wire.identity), "certificateType": "ChargingStationCertificate"}
        assert await wire.told("SignCertificate", csr) == {"status": "Accepted"}
        action, payload = await hear(wire, {"status": taken})
        told = await asyncio.to_thread(stack.get, "commands/", charger=wire.identity, action="CertificateSigned")
        settled = await asyncio.to_thread(stack.settled, told["results"][0]["id"])
    assert (action, settled["status"]) == ("CertificateSigned", status)
    assert payload["certificateType"] == "ChargingStationCertificate"


EVENTS = [
    ("TC_N_21", {"trigger": "Alerting", "eventNotificationType": "HardWiredMonitor"}),
    ("TC_N_24", {"trigger": "Periodic", "eventNotificationType": "CustomMonitor", "variableMonitoringId": 1}),
    ("TC_N_48", {"trigger": "Alerting", "eventNotificationType": "CustomMonitor", "actualValue": ""}),
    ("TC_N_49", {"trigger": "Alerting", "eventNotificationType": "CustomMonitor", "cleared": True}),
    ("TC_N_50", {"trigger": "Periodic", "eventNotificationType": "PreconfiguredMonitor"}),
]


@pytest.mark.parametrize(("case", "event"), EVENTS, ids=[row[0] for row in EVENTS])
async def test_201_event(stack: Stack, case: str, event: dict[str, Any]) -> None:
    data = {"eventId": 1, "timestamp": now(), "actualValue": "81", **PLACE, **event}
    async with booted(stack, VERSION) as wire:
        assert await wire.told("NotifyEvent", {"generatedAt": now(), "seqNo": 0, "eventData": [data]}) == {}


async def test_tc_k_48_and_50_an_external_limit(stack: Stack) -> None:
    limit = {"chargingLimitSource": "EMS", "isGridCritical": False}
    async with booted(stack, VERSION) as wire:
        told = {"chargingLimit": limit, "chargingSchedule": [SCHEDULE], "evseId": 1}
        assert await wire.told("NotifyChargingLimit", told) == {}
        assert await wire.told("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1}) == {}


async def test_tc_k_53_the_needs_of_a_car(stack: Stack, cards: dict[str, str]) -> None:
    ac = {"energyAmount": 22000, "evMinCurrent": 6, "evMaxCurrent": 32, "evMaxVoltage": 400}
    needs = {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": ac}
    async with booted(stack, VERSION) as wire:
        station = Station(wire, cards["accepted"])
        await station.event("Started", "Authorized", "EVConnected", token=True)
        answer = await wire.told("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs})
        assert answer["status"] in ("Accepted", "Processing")
        profile = {"id": 7, "stack_level": 0, "purpose": "tx", "unit": "A", "periods": [{"start_s": 0, "limit": 16}]}
        order = {"evse_id": 1, "profile": {**profile, "transaction_id": station.name}}
        await give(stack, wire, "set_profile", order)
        action, payload = await hear(wire, {"status": "Accepted"})
        told = {"evseId": 1, "timeBase": now(), "chargingSchedule": SCHEDULE}
        assert await wire.told("NotifyEVChargingSchedule", told) == {"status": "Accepted"}
    assert (action, payload["chargingProfile"]["transactionId"]) == ("SetChargingProfile", station.name)
