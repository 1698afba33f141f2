"""The long life of a charger, see `long_life`. Small where the suite runs; `LIVES=10000`: as many in each version."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from chargers.models import Notice
from gateway.tests.long_life import Charge, Life, Message
from gateway.tests.post import post
from sessions.models import ChargingSession

LIVES = settings(
    max_examples=int(os.environ.get("LIVES", "15")),
    stateful_step_count=25,
    database=None,
    suppress_health_check=list(HealthCheck),
)
pytestmark = pytest.mark.timeout(4 * 3600)


class Charge16(Charge):
    """OCPP 1.6: the yard numbers a session in the answer to its start; what follows names that number."""

    subprotocol = "ocpp1.6"

    def new_name(self) -> str:
        return ""

    def boot_payload(self) -> dict[str, Any]:
        return {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"}

    def start_message(self, life: Life) -> Message:
        told = {"connectorId": life.connector, "idTag": life.card, "meterStart": life.start_wh, "timestamp": self.now()}
        return Message(life, "StartTransaction", told)

    def meter_message(self, life: Life) -> Message:
        value = {"timestamp": self.now(), "sampledValue": [{"value": str(self.meters[life.connector])}]}
        return Message(life, "MeterValues", {"connectorId": life.connector, "meterValue": [value]})

    def stop_message(self, life: Life) -> Message:
        told = {"meterStop": life.stop_wh, "timestamp": self.now(), "reason": life.reason, "idTag": life.card}
        return Message(life, "StopTransaction", told)

    def other_stop(self, life: Life) -> tuple[str, dict[str, Any]]:
        told = {"transactionId": int(life.name), "meterStop": (life.stop_wh or 0) + 7, "timestamp": self.now()}
        return "StopTransaction", {**told, "reason": "PowerLoss"}

    def may_go(self, message: Message) -> bool:
        return message.action == "StartTransaction" or (message.life.name != "" and not self._starts(message.life))

    def _starts(self, life: Life) -> bool:
        return any(message.life is life and message.action == "StartTransaction" for message in self.queue)

    def addressed(self, message: Message) -> dict[str, Any]:
        if message.action == "StartTransaction":
            return message.payload
        return {**message.payload, "transactionId": int(message.life.name)}

    def stored(self, message: Message, answer: dict[str, Any], *, is_answer_lost: bool) -> None:
        life = message.life
        match message.action:
            case "StartTransaction":
                number = answer["transactionId"]
                assert 0 < number < 2**31 and life.name in ("", str(number)), "the same start has the same number"
                assert all(other.name != str(number) for other in self.lives if other is not life)
                assert (answer["idTagInfo"]["status"] == "Accepted") == (life.card == "04A2B3C4")
                life.name, life.is_start_stored = str(number), True
            case "StopTransaction":
                life.is_stop_stored = True
            case "MeterValues":
                self.readings.add((life.connector, message.payload["meterValue"][0]["timestamp"]))


class Charge201(Charge):
    """OCPP 2.0.1: the charger names and counts its events; they may come in any order."""

    subprotocol = "ocpp2.0.1"

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[str, dict[str, Any]] = {}

    def new_name(self) -> str:
        return f"tx-{len(self.lives)}"

    def boot_payload(self) -> dict[str, Any]:
        return {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Street 50"}}

    def _event(self, life: Life, kind: str, trigger: str, context: str, **info: Any) -> Message:
        at, number = self.now(), life.events
        life.events += 1
        sampled = {"value": self.meters[life.connector], "context": context}
        told = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": trigger,
            "seqNo": number,
            "transactionInfo": {"transactionId": life.name, **info},
            "evse": {"id": life.connector, "connectorId": 1},
            "meterValue": [{"timestamp": at, "sampledValue": [sampled]}],
        }
        return Message(life, "TransactionEvent", told)

    def start_message(self, life: Life) -> Message:
        message = self._event(life, "Started", "Authorized", "Transaction.Begin")
        message.payload["idToken"] = {"idToken": life.card, "type": "ISO14443"}
        return message

    def meter_message(self, life: Life) -> Message:
        return self._event(life, "Updated", "MeterValuePeriodic", "Sample.Periodic", chargingState="Charging")

    def stop_message(self, life: Life) -> Message:
        return self._event(life, "Ended", "StopAuthorized", "Transaction.End", stoppedReason=life.reason)

    def other_stop(self, life: Life) -> tuple[str, dict[str, Any]]:
        return "TransactionEvent", {
            **self.ends[life.name],
            "transactionInfo": {"transactionId": life.name, "stoppedReason": "Reboot"},
        }

    def may_go(self, message: Message) -> bool:
        return True

    def addressed(self, message: Message) -> dict[str, Any]:
        return message.payload if self.is_online else {**message.payload, "offline": True}

    def stored(self, message: Message, answer: dict[str, Any], *, is_answer_lost: bool) -> None:
        life, told = message.life, message.payload
        assert ("idTokenInfo" in answer) == ("idToken" in told)
        life.numbers.add(told["seqNo"])
        match told["eventType"]:
            case "Started":
                life.is_start_stored = True
            case "Ended":
                life.is_stop_stored = True
                self.ends[life.name] = told
            case _:
                self.readings.add((life.connector, told["timestamp"]))

    def check(self, life: Life) -> None:
        super().check(life)
        if life.numbers:
            session = ChargingSession.objects.get(charger=self.charger, transaction_id=life.name)
            has_gap = max(life.numbers) - min(life.numbers) + 1 != len(life.numbers)
            assert session.is_incomplete == (has_gap or 0 not in life.numbers)


class Charge21(Charge201):
    """OCPP 2.1: it says more with each event, sums up its cost, and streams readings that nobody answers."""

    subprotocol = "ocpp2.1"

    def _event(self, life: Life, kind: str, trigger: str, context: str, **info: Any) -> Message:
        message = super()._event(life, kind, trigger, context, operationMode="ChargingOnly", **info)
        if kind == "Ended":
            message.payload["costDetails"] = {
                "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 1.0, "inclTax": 1.2}},
                "totalUsage": {"energy": 1.0, "chargingTime": 60, "idleTime": 0},
            }
        return message

    def check(self, life: Life) -> None:
        super().check(life)
        notes = Notice.objects.filter(charger=self.charger, kind="session_cost", key=life.name)
        assert notes.count() == (1 if life.is_stop_stored else 0), "its sum is kept once, however often it comes"

    def possible(self) -> list[str]:
        return [*super().possible(), *(["stream"] if self.is_online else [])]

    def stream(self, data: st.DataObject) -> None:
        """A SEND between its CALLs: no answer, and no session is touched by it."""
        percent = data.draw(st.integers(0, 100), label="percent")
        told = {"id": 1, "data": [{"t": 0, "v": str(percent)}], "pending": 0, "basetime": self.now()}
        assert post(self.charger, json.dumps([6, self._next_id(), "NotifyPeriodicEventStream", told])).answers == []


@pytest.mark.django_db
@pytest.mark.parametrize("machine", [Charge16, Charge201, Charge21], ids=["1.6", "2.0.1", "2.1"])
def test_whatever_a_charger_lives_through_its_books_are_right(machine: type[Charge]) -> None:
    run_state_machine_as_test(machine, settings=LIVES)
