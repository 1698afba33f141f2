"""OCPP 1.6: cases in which the CSMS orders something."""

from __future__ import annotations

import pytest

from portal.tests.certification.orders import Order, carry_out
from portal.tests.journeys.stack import Stack

OK, NO = {"status": "Accepted"}, {"status": "Rejected"}
WHEN = {"retrieve_at": "2026-03-01T00:00:00Z", "url": "https://files.example/fw.bin"}
SIGNED = {**WHEN, "certificate": "-----BEGIN CERTIFICATE-----", "signature": "c2ln"}
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "c1"}
NAMED = {"issuer_name_hash": "aa", "issuer_key_hash": "bb", "serial_number": "c1"}
PROFILE = {"id": 7, "stack_level": 0, "purpose": "tx_default", "unit": "A", "periods": [{"start_s": 0, "limit": 16}]}
RESERVED = {"evse_id": 1, "token": "C0FFEE01", "expires_at": "2030-01-01T00:00:00Z", "reservation_id": 5}
CARD = {"value": "C0FFEE01", "status": "accepted"}
SCHEDULE = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}


def steps(action, *statuses):
    return [(action, {"status": status}) for status in statuses]


def signed_steps(*statuses):
    return [("SignedFirmwareStatusNotification", {"status": status, "requestId": 1}) for status in statuses]


ORDERS = [
    Order("TC_013", "reset", {"kind": "hard"}, "Reset", {"type": "Hard"}, OK),
    Order("TC_014", "reset", {"kind": "soft"}, "Reset", {"type": "Soft"}, OK),
    Order("TC_017_1", "unlock", {"evse_id": 1}, "UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}),
    Order("TC_017_2", "unlock", {"evse_id": 1}, "UnlockConnector", {}, {"status": "NotSupported"}, "rejected"),
    Order("TC_019_1", "read_settings", {}, "GetConfiguration", {},
          {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}),
    Order("TC_019_2", "read_settings", {"names": ["SupportedFeatureProfiles"]}, "GetConfiguration",
          {"key": ["SupportedFeatureProfiles"]}, {"configurationKey": [{"key": "SupportedFeatureProfiles",
                                                                        "readonly": True, "value": "Core"}]}),
    Order("TC_021", "write_settings", {"settings": [{"name": "MeterValueSampleInterval", "value": 60}]},
          "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"}, OK),
    Order("TC_026", "remote_start", {"token": "C0FFEE01", "evse_id": 1}, "RemoteStartTransaction",
          {"idTag": "C0FFEE01", "connectorId": 1}, NO, "rejected"),
    Order("TC_028", "remote_stop", {"transaction_id": 4711}, "RemoteStopTransaction", {"transactionId": 4711}, NO,
          "rejected"),
    Order("TC_030", "unlock", {"evse_id": 1}, "UnlockConnector", {}, {"status": "UnlockFailed"}, "rejected"),
    Order("TC_031", "unlock", {"evse_id": 9}, "UnlockConnector", {"connectorId": 9}, {"status": "NotSupported"},
          "rejected"),
    Order("TC_040_1", "write_settings", {"settings": [{"name": "Nonsense", "value": 1}]}, "ChangeConfiguration", {},
          {"status": "NotSupported"}, "rejected"),
    Order("TC_040_2", "write_settings", {"settings": [{"name": "MeterValueSampleInterval", "value": -1}]},
          "ChangeConfiguration", {"value": "-1"}, NO, "rejected"),
    Order("TC_042_1", "local_list_version", {}, "GetLocalListVersion", {}, {"listVersion": -1}),
    Order("TC_042_2", "local_list_version", {}, "GetLocalListVersion", {}, {"listVersion": 0}),
    Order("TC_043_1", "send_local_list", {"version": 1, "tokens": [CARD]}, "SendLocalList", {"updateType": "Full"},
          {"status": "NotSupported"}, "rejected"),
    Order("TC_043_3", "send_local_list", {"version": 1, "tokens": [CARD]}, "SendLocalList", {},
          {"status": "Failed"}, "rejected"),
    Order("TC_043_4", "send_local_list", {"version": 1, "mode": "full", "tokens": [CARD]}, "SendLocalList",
          {"listVersion": 1, "updateType": "Full"}, OK),
    Order("TC_043_5", "send_local_list", {"version": 2, "mode": "differential", "tokens": [CARD]}, "SendLocalList",
          {"listVersion": 2, "updateType": "Differential"}, OK),
    Order("TC_044_1", "update_firmware", WHEN, "UpdateFirmware", {"location": WHEN["url"]}, {},
          then=steps("FirmwareStatusNotification", "Downloading", "Downloaded", "Installing", "Installed")),
    Order("TC_044_2", "update_firmware", WHEN, "UpdateFirmware", {}, {},
          then=steps("FirmwareStatusNotification", "Downloading", "DownloadFailed")),
    Order("TC_044_3", "update_firmware", WHEN, "UpdateFirmware", {}, {},
          then=steps("FirmwareStatusNotification", "Downloaded", "Installing", "InstallationFailed")),
    Order("TC_045_1", "fetch_logs", {"kind": "diagnostics", "url": "ftp://x/up"}, "GetDiagnostics",
          {"location": "ftp://x/up"}, {"fileName": "log.zip"},
          then=steps("DiagnosticsStatusNotification", "Uploading", "Uploaded")),
    Order("TC_045_2", "fetch_logs", {"kind": "diagnostics", "url": "ftp://x/up"}, "GetDiagnostics", {},
          {"fileName": "log.zip"}, then=steps("DiagnosticsStatusNotification", "Uploading", "UploadFailed")),
    *(
        Order(f"TC_048_{number}", "reserve", RESERVED, "ReserveNow", {"connectorId": 1, "reservationId": 5},
              {"status": status}, "rejected")
        for number, status in enumerate(("Faulted", "Occupied", "Unavailable", "Rejected"), 1)
    ),
    Order("TC_051", "cancel_reservation", {"reservation_id": 5}, "CancelReservation", {"reservationId": 5}, OK),
    Order("TC_052", "cancel_reservation", {"reservation_id": 5}, "CancelReservation", {"reservationId": 5}, NO,
          "rejected"),
    Order("TC_054", "trigger", {"message": "MeterValues", "evse_id": 1}, "TriggerMessage",
          {"requestedMessage": "MeterValues", "connectorId": 1}, OK),
    Order("TC_055", "trigger", {"message": "MeterValues", "evse_id": 9}, "TriggerMessage", {}, NO, "rejected"),
    Order("TC_056", "set_profile", {"evse_id": 1, "profile": PROFILE}, "SetChargingProfile", {"connectorId": 1}, OK),
    Order("TC_061", "clear_cache", {}, "ClearCache", {}, OK),
    Order("TC_066", "composite_schedule", {"evse_id": 1, "duration_s": 300}, "GetCompositeSchedule",
          {"connectorId": 1, "duration": 300}, {**OK, "connectorId": 1, "chargingSchedule": SCHEDULE}),
    Order("TC_067", "clear_profiles", {"profile_id": 7}, "ClearChargingProfile", {"id": 7}, OK),
    Order("TC_075_1", "install_certificate", {"kind": "manufacturer_root", "certificate": "PEM"},
          "InstallCertificate", {"certificateType": "ManufacturerRootCertificate"}, OK),
    Order("TC_075_2", "install_certificate", {"kind": "csms_root", "certificate": "PEM"}, "InstallCertificate",
          {"certificateType": "CentralSystemRootCertificate"}, OK),
    Order("TC_076", "delete_certificate", NAMED, "DeleteCertificate", {"certificateHashData": HASHES}, OK),
    Order("TC_079", "fetch_logs", {"kind": "security", "url": "ftp://x/up"}, "GetLog", {"logType": "SecurityLog"},
          {**OK, "filename": "security.log"}, then=steps("LogStatusNotification", "Uploading", "Uploaded")),
    Order("TC_080", "update_firmware", SIGNED, "SignedUpdateFirmware", {}, OK,
          then=signed_steps("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting",
                            "Installed")),
    Order("TC_081", "update_firmware", SIGNED, "SignedUpdateFirmware", {}, OK,
          then=signed_steps("Downloading", "Downloaded", "InvalidSignature")),
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_16(stack: Stack, order: Order) -> None:
    await carry_out(stack, "ocpp1.6", order)
