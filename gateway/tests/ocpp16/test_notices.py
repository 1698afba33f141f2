"""Firmware, logs, security events and vendors' messages. OCPP 1.6."""

from __future__ import annotations

from chargers.models import SecurityEvent, Transfer, VendorMessage


def test_a_step_of_a_firmware_update_shows_on_the_charger(one):
    assert one.call("FirmwareStatusNotification", status="Downloading") == {}
    one.charger.refresh_from_db()
    assert one.charger.firmware_status == "Downloading"
    assert one.events == [("firmware", {"kind": "firmware", "status": "Downloading", "request_id": None})]


def test_a_step_that_is_told_again_is_one_step(one):
    for status in ("Downloading", "Downloading", "Downloaded", "Downloading"):
        one.call("FirmwareStatusNotification", status=status)
    steps = Transfer.objects.order_by("pk").values_list("status", flat=True)
    assert list(steps) == ["Downloading", "Downloaded", "Downloading"]


def test_a_signed_update_tells_which_request_it_is(one):
    one.call("SignedFirmwareStatusNotification", status="SignatureVerified", requestId=7)
    assert Transfer.objects.get().request_id == 7


def test_uploads_of_diagnostics_and_logs_are_told_apart(one):
    one.call("DiagnosticsStatusNotification", status="Uploading")
    one.call("LogStatusNotification", status="Uploaded", requestId=3)
    assert set(Transfer.objects.values_list("kind", "status")) == {("diagnostics", "Uploading"), ("log", "Uploaded")}


def test_a_security_event_that_comes_again_is_one_event(one):
    told = {"type": "TamperDetectionActivated", "timestamp": one.clock(), "techInfo": "door open"}
    assert one.call("SecurityEventNotification", **told) == {}
    assert one.events[0][0] == "security"
    one.call("SecurityEventNotification", **told)
    assert one.events == []
    event = SecurityEvent.objects.get()
    assert (event.kind, event.detail, event.is_ours) == ("TamperDetectionActivated", "door open", False)


def test_a_message_of_a_vendor_is_kept_and_honestly_not_understood(one):
    answer = one.call("DataTransfer", vendorId="com.acme", messageId="led", data='{"colour": "red"}')
    assert answer == {"status": "UnknownVendorId"}
    assert VendorMessage.objects.get().data == '{"colour": "red"}'


def test_a_message_of_a_vendor_is_kept_without_its_passwords(one):
    one.call("DataTransfer", vendorId="com.acme", data='{"password":"hunter2"}')
    assert VendorMessage.objects.get().data == '{"password":"***"}'
