"""What needs somebody outside, or comes unasked: answers of an OCSP responder, sums that a station is told."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.x509 import ocsp

from gateway.testing.keys import Held, authority
from gateway.testing.responder import Responder, serving
from gateway.tests.test_revocation import in_words, named, request
from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import Wire, booted, dial, now

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def issuer() -> Held:
    return authority("A V2G sub CA")


@pytest.fixture
def responder(issuer: Held) -> Iterator[Responder]:
    with serving(Responder(issuer, sends_along=[issuer])) as made:
        yield made


async def test_a_responder_is_asked_for_a_charger_and_nobody_else_waits_for_it(
    stack: Stack, issuer: Held, responder: Responder
) -> None:
    contract = issuer.client("DE8AA001234567")
    asked = {**in_words(named(contract, issuer)), "responderURL": responder.url}
    async with booted(stack, "ocpp2.0.1") as charger, booted(stack, "ocpp2.1") as other:
        answer = await told_in_time(charger, "GetCertificateStatus", {"ocspRequestData": asked})
        told = ocsp.load_der_ocsp_response(base64.b64decode(answer["ocspResult"]))
        assert (told.serial_number, told.certificate_status.name) == (contract.certificate.serial_number, "GOOD")
        chain = {"certificateStatusRequests": [request(contract, issuer, "OCSP", responder.url)]}
        [standing] = (await told_in_time(other, "GetCertificateChainStatus", chain))["certificateStatus"]
        assert (standing["status"], len(responder.asked)) == ("Good", 1), "asked once for both"

        responder.gate.clear()
        stolen = {**asked, "serialNumber": "abcdef"}
        await charger.send([2, "waits", "GetCertificateStatus", {"ocspRequestData": stolen}])
        assert await other.is_alive() and await other.is_alive(), "it is answered while the responder says nothing"
        responder.gate.set()
        assert (await charger.receive(40))[:2] == [3, "waits"]
        assert await charger.is_alive()


async def told_in_time(charger: Wire, action: str, payload: dict[str, Any]) -> Any:
    """A charger has 30 s of patience; what is answered by a task may have to wait for a worker that just started."""
    await charger.send([2, action, action, payload])
    frame = await charger.receive(40)
    assert frame[:2] == [3, action], frame
    return frame[2]


async def test_a_station_that_asks_for_it_is_told_what_its_session_costs(stack: Stack) -> None:
    def in_a_yard_with_a_tariff() -> tuple[str, str]:
        site = stack.rest.post("/api/v1/sites/", json={"name": f"Yard {uuid.uuid4().hex[:6]}"}).json()["id"]
        tariff = {"currency": "EUR", "per_kwh": "0.50", "start_fee": "1"}
        stack.rest.put(f"/api/v1/sites/{site}/tariff/", json=tariff).raise_for_status()
        identity = f"CP-{uuid.uuid4().hex[:10]}"
        return identity, stack.register(identity, site=site)

    identity, password = await asyncio.to_thread(in_a_yard_with_a_tariff)
    async with dial(stack, identity, password, "ocpp2.0.1", boot=True) as charger:
        await charger.told("NotifyReport", {"requestId": 1, "generatedAt": now(), "seqNo": 0, "reportData": [WISH]})
        await charger.told("TransactionEvent", event("Started", 0, 1_000, "Transaction.Begin"))
        await charger.told("TransactionEvent", event("Updated", 1, 5_000, "Sample.Periodic"))
        _, message_id, action, told = await charger.receive(60)
        assert (action, told) == ("CostUpdated", {"totalCost": 3.0, "transactionId": "tx-1"})  # 4 kWh, and the fee
        await charger.send([3, message_id, {}])
        command = await asyncio.to_thread(stack.settled, message_id)
        assert (command["verb"], command["status"]) == ("update_cost", "accepted")
        answer = await charger.told("TransactionEvent", event("Ended", 2, 9_000, "Transaction.End"))
        assert answer["totalCost"] == 5.0
        assert await charger.is_alive()


WISH: dict[str, Any] = {
    "component": {"name": "TariffCostCtrlr"},
    "variable": {"name": "Enabled", "instance": "Cost"},
    "variableAttribute": [{"type": "Actual", "value": "true"}],
}


def event(kind: str, seq_no: int, wh: float, context: str) -> dict[str, Any]:
    value = {"value": wh, "measurand": "Energy.Active.Import.Register", "context": context}
    return {
        "eventType": kind, "timestamp": now(), "seqNo": seq_no, "triggerReason": "MeterValuePeriodic",
        "evse": {"id": 1, "connectorId": 1}, "transactionInfo": {"transactionId": "tx-1"},
        "meterValue": [{"timestamp": now(), "sampledValue": [value]}],
    }  # fmt: skip
