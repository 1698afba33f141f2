"""A charger whose boot is Pending is set up, triggered and heard where it was asked; it charges nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Command, CommandStatus
from gateway.call import Books
from gateway.delivery import deliver
from gateway.tests.post import BOOT_16, frame, post

OK = {"status": "Accepted"}
REPORT = {"requestId": 1, "generatedAt": "2026-03-01T12:00:00Z", "seqNo": 0}
BOOT = {"ocpp1.6": BOOT_16, "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "A", "model": "M"}}}
START = {
    "ocpp1.6": ("RemoteStartTransaction", {"idTag": "04A2"}),
    "ocpp2.0.1": ("RequestStartTransaction", {"remoteStartId": 1, "idToken": {"idToken": "04A2", "type": "ISO14443"}}),
}
EACH = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])


@pytest.fixture
def pending(make_charger, version) -> Any:
    charger = make_charger("CP-1", version, registration="quarantined", is_booted=False)
    (answer,) = post(charger, frame("BootNotification", BOOT[version])).answers
    assert answer[2]["status"] == "Pending"
    charger.refresh_from_db()
    return charger


def sends(charger: Any, action: str, payload: Any) -> Command:
    """Order it, have it delivered; the order as it is then."""
    order = commands.request(charger, action=action, payload=payload)
    deliver({charger.pk}, Books(timezone.now()))
    order.refresh_from_db()
    return order


def answers(charger: Any, order: Command) -> None:
    post(charger, json.dumps([3, str(order.pk), OK]))


@EACH
def test_it_is_triggered_and_may_say_what_it_was_asked_for(pending, version):
    status = (
        {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        if version == "ocpp1.6"
        else {"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": "2026-03-01T12:00:00Z"}
    )
    assert post(pending, frame("StatusNotification", status)).answers[0][2] == "SecurityError"
    order = sends(pending, "TriggerMessage", {"requestedMessage": "StatusNotification"})
    assert order.status == CommandStatus.SENT
    answers(pending, order)
    assert post(pending, frame("StatusNotification", status, message_id="2")).answers[0] == [3, "2", {}]
    assert post(pending, frame("Heartbeat", message_id="3")).answers[0][2] == "SecurityError"


@pytest.mark.parametrize("version", ["ocpp2.0.1"])
def test_it_reports_what_it_holds_when_asked(pending):
    assert post(pending, frame("NotifyReport", REPORT)).answers[0][2] == "SecurityError"
    answers(pending, sends(pending, "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}))
    assert post(pending, frame("NotifyReport", REPORT, message_id="2")).answers[0] == [3, "2", {}]


@EACH
def test_it_is_not_told_to_charge_and_the_operator_hears_why(pending, version):
    order = sends(pending, *START[version])
    assert order.status == CommandStatus.FAILED and "Pending" in order.explanation


@EACH
def test_one_that_staff_refuse_hears_nothing(pending):
    pending.registration = "rejected"
    pending.save()
    assert sends(pending, "TriggerMessage", {"requestedMessage": "BootNotification"}).status == CommandStatus.PENDING


@EACH
def test_one_that_never_booted_is_left_waiting(make_charger, version):
    charger = make_charger("CP-1", version, registration="quarantined", is_booted=False)
    order = sends(charger, "TriggerMessage", {"requestedMessage": "BootNotification"})
    assert order.status == CommandStatus.PENDING
