"""OCPP 2.0.1: cases in which the CSMS orders something."""

from __future__ import annotations

import pytest

from portal.tests.certification.orders import Order, carry_out
from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import now

OK, NO = {"status": "Accepted"}, {"status": "Rejected"}
WHEN = {"retrieve_at": "2026-03-01T00:00:00Z", "url": "https://files.example/fw.bin"}
SIGNED = {**WHEN, "certificate": "-----BEGIN CERTIFICATE-----", "signature": "c2ln"}
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "c1"}
NAMED = {"issuer_name_hash": "aa", "issuer_key_hash": "bb", "serial_number": "c1"}
CARD = {"value": "C0FFEE01", "kind": "ISO14443", "status": "accepted"}
RESERVED = {"evse_id": 1, "token": "C0FFEE01", "expires_at": "2030-01-01T00:00:00Z", "reservation_id": 5}
PROFILE = {"id": 7, "stack_level": 0, "purpose": "tx_default", "unit": "A", "periods": [{"start_s": 0, "limit": 16}]}
CLOCK = {"component": {"name": "ClockCtrlr"}, "variable": {"name": "TimeSource"}}
POWER = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
NETWORK = {"slot": 1, "url": "wss://csms.example/ocpp", "security_profile": 2}
MONITOR = {"name": "EVSE:1.Power", "kind": "upper", "value": 11000, "severity": 5}
MONITOR_ON_WIRE = {**POWER, "value": 11000.0, "type": "UpperThreshold", "severity": 5}
TEXT = {"message_id": 1, "content": "Welcome", "format": "UTF8", "language": "en"}
INFO = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "Welcome"}}
DANA = {"customer": "Dana", "report": True}


def variable(status, **more):
    return {"attributeStatus": status, **CLOCK, **more}


def firmware(*statuses):
    return [("FirmwareStatusNotification", {"status": status, "requestId": 1}) for status in statuses]


def uploads(*statuses):
    return [("LogStatusNotification", {"status": status, "requestId": 1}) for status in statuses]


def customer(*data):
    stamp = {"requestId": 1, "generatedAt": now()}
    parts = enumerate(data)
    return [("NotifyCustomerInformation", {**stamp, "seqNo": n, "data": text}) for n, text in parts]


def listed(kind):
    return {**OK, "certificateHashDataChain": [{"certificateType": kind, "certificateHashData": HASHES}]}


def monitored():
    monitor = {"id": 1, "transaction": False, "value": 1, "type": "Delta", "severity": 5}
    told = [{**POWER, "variableMonitoring": [monitor]}]
    return [("NotifyMonitoringReport", {"requestId": 1, "seqNo": 0, "generatedAt": now(), "monitor": told})]


def published(*statuses):
    return [("PublishFirmwareStatusNotification", {"status": status, "requestId": 1}) for status in statuses]


SUM = "0123456789abcdef0123456789abcdef"
ORDERS = [
    Order("TC_B_06", "read_settings", {"names": ["ClockCtrlr.TimeSource"]}, "GetVariables",
          {"getVariableData": [CLOCK]}, {"getVariableResult": [variable("Accepted", attributeValue="NTP")]}),
    Order("TC_B_07", "read_settings", {"names": ["ClockCtrlr.TimeSource", "EVSE:1.Power"]}, "GetVariables",
          {"getVariableData": [CLOCK, POWER]}, {"getVariableResult": [variable("Accepted", attributeValue="NTP")]}),
    Order("TC_B_09", "write_settings", {"settings": [{"component": "ClockCtrlr", "name": "TimeSource",
                                                      "value": "NTP"}]}, "SetVariables",
          {"setVariableData": [{**CLOCK, "attributeValue": "NTP"}]}, {"setVariableResult": [variable("Accepted")]}),
    Order("TC_B_13", "read_settings", {}, "GetBaseReport", {"reportBase": "FullInventory"}, OK),
    Order("TC_B_20", "reset", {"kind": "soft"}, "Reset", {"type": "OnIdle"}, OK),
    Order("TC_B_21", "reset", {"kind": "soft"}, "Reset", {"type": "OnIdle"}, {"status": "Scheduled"}),
    Order("TC_B_22", "reset", {"kind": "hard"}, "Reset", {"type": "Immediate"}, OK),
    Order("TC_B_25", "reset", {"kind": "soft", "evse_id": 1}, "Reset", {"type": "OnIdle", "evseId": 1}, OK),
    Order("TC_B_27", "reset", {"kind": "hard", "evse_id": 1}, "Reset", {"type": "Immediate", "evseId": 1}, OK),
    Order("TC_B_42", "set_network_profile", NETWORK, "SetNetworkProfile", {"configurationSlot": 1}, OK),
    Order("TC_B_44", "set_network_profile", NETWORK, "SetNetworkProfile", {}, {"status": "Failed"}, "rejected"),
    Order("TC_C_37", "clear_cache", {}, "ClearCache", {}, OK),
    Order("TC_C_38", "clear_cache", {}, "ClearCache", {}, NO, "rejected"),
    Order("TC_D_01", "send_local_list", {"version": 1, "mode": "full", "tokens": [CARD]}, "SendLocalList",
          {"versionNumber": 1, "updateType": "Full"}, OK),
    Order("TC_D_02", "send_local_list", {"version": 2, "mode": "differential", "tokens": [CARD]}, "SendLocalList",
          {"updateType": "Differential"}, OK),
    Order("TC_D_03", "send_local_list", {"version": 3, "mode": "differential",
                                         "tokens": [{**CARD, "status": "removed"}]}, "SendLocalList",
          {"localAuthorizationList": [{"idToken": {"idToken": "C0FFEE01", "type": "ISO14443"}}]}, OK),
    Order("TC_D_04", "send_local_list", {"version": 4, "mode": "full", "tokens": []}, "SendLocalList",
          {"versionNumber": 4, "updateType": "Full"}, OK),
    Order("TC_D_08", "local_list_version", {}, "GetLocalListVersion", {}, {"versionNumber": 4}),
    Order("TC_D_09", "local_list_version", {}, "GetLocalListVersion", {}, {"versionNumber": 0}),
    Order("TC_E_29", "session_status", {"transaction_id": "b7f1"}, "GetTransactionStatus", {"transactionId": "b7f1"},
          {"ongoingIndicator": True, "messagesInQueue": True}),
    Order("TC_E_30", "session_status", {"transaction_id": "b7f1"}, "GetTransactionStatus", {"transactionId": "b7f1"},
          {"ongoingIndicator": True, "messagesInQueue": False}),
    Order("TC_E_31", "session_status", {"transaction_id": "b7f1"}, "GetTransactionStatus", {"transactionId": "b7f1"},
          {"ongoingIndicator": False, "messagesInQueue": True}),
    Order("TC_E_33", "session_status", {}, "GetTransactionStatus", {}, {"messagesInQueue": True}),
    Order("TC_E_34", "session_status", {}, "GetTransactionStatus", {}, {"messagesInQueue": False}),
    Order("TC_H_22", "reserve", RESERVED, "ReserveNow", {"id": 5, "evseId": 1}, NO, "rejected"),
    Order("TC_H_17", "cancel_reservation", {"reservation_id": 5}, "CancelReservation", {"reservationId": 5}, OK),
    Order("TC_K_01", "set_profile", {"evse_id": 1, "profile": PROFILE}, "SetChargingProfile", {"evseId": 1}, OK),
    Order("TC_K_03", "set_profile", {"evse_id": 0, "profile": {**PROFILE, "purpose": "charger_max"}},
          "SetChargingProfile", {"evseId": 0}, OK),
    Order("TC_K_05", "clear_profiles", {"profile_id": 7}, "ClearChargingProfile", {"chargingProfileId": 7}, OK),
    Order("TC_K_06", "clear_profiles", {"evse_id": 1, "purpose": "tx_default", "stack_level": 0},
          "ClearChargingProfile", {"chargingProfileCriteria": {
              "evseId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}}, OK),
    Order("TC_K_08", "clear_profiles", {"profile_id": 9}, "ClearChargingProfile", {}, {"status": "Unknown"},
          "rejected"),
    Order("TC_K_10", "set_profile", {"evse_id": 0, "profile": PROFILE}, "SetChargingProfile", {"evseId": 0}, OK),
    Order("TC_K_15", "set_profile", {"evse_id": 1, "profile": PROFILE}, "SetChargingProfile", {}, NO, "rejected"),
    Order("TC_K_19", "set_profile", {"evse_id": 1, "profile": {
              **PROFILE, "kind": "recurring", "recurrency": "daily", "start_at": "2026-03-01T00:00:00Z"}},
          "SetChargingProfile", {"evseId": 1}, OK),
    *(
        Order(case, "list_profiles", arguments, "GetChargingProfiles", said, OK)
        for case, arguments, said in (
            ("TC_K_29", {"evse_id": 0}, {"evseId": 0, "chargingProfile": {}}),
            ("TC_K_30", {"evse_id": 1}, {"evseId": 1, "chargingProfile": {}}),
            ("TC_K_31", {}, {"chargingProfile": {}}),
            ("TC_K_32", {"profile_id": 7}, {"chargingProfile": {"chargingProfileId": [7]}}),
            ("TC_K_33", {"evse_id": 1, "stack_level": 2}, {"evseId": 1, "chargingProfile": {"stackLevel": 2}}),
            ("TC_K_34", {"evse_id": 1, "source": "CSO"}, {"chargingProfile": {"chargingLimitSource": ["CSO"]}}),
            ("TC_K_35", {"evse_id": 1, "purpose": "tx"}, {"chargingProfile": {"chargingProfilePurpose": "TxProfile"}}),
        )
    ),
    Order("TC_K_43", "composite_schedule", {"evse_id": 1, "duration_s": 300}, "GetCompositeSchedule",
          {"evseId": 1, "duration": 300}, OK),
    Order("TC_K_44", "composite_schedule", {"evse_id": 0, "duration_s": 300}, "GetCompositeSchedule",
          {"evseId": 0}, OK),
    Order("TC_L_01", "update_firmware", SIGNED, "UpdateFirmware", {}, OK,
          then=firmware("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting",
                        "Installed")),
    Order("TC_L_02", "update_firmware", {**SIGNED, "install_at": "2026-03-02T00:00:00Z"}, "UpdateFirmware", {}, OK,
          then=firmware("Downloading", "Downloaded", "SignatureVerified", "InstallScheduled", "Installing")),
    Order("TC_L_03", "update_firmware", SIGNED, "UpdateFirmware", {}, OK,
          then=firmware("DownloadScheduled", "Downloading", "Downloaded")),
    Order("TC_L_04", "update_firmware", SIGNED, "UpdateFirmware", {}, {"status": "RevokedCertificate"}, "rejected"),
    Order("TC_L_05", "update_firmware", SIGNED, "UpdateFirmware", {}, {"status": "InvalidCertificate"}, "rejected"),
    Order("TC_L_06", "update_firmware", SIGNED, "UpdateFirmware", {}, OK,
          then=firmware("Downloading", "Downloaded", "InvalidSignature")),
    Order("TC_L_07", "update_firmware", SIGNED, "UpdateFirmware", {}, OK, then=firmware("DownloadFailed")),
    Order("TC_L_08", "update_firmware", SIGNED, "UpdateFirmware", {}, OK,
          then=firmware("Downloaded", "InstallVerificationFailed")),
    Order("TC_L_09", "update_firmware", SIGNED, "UpdateFirmware", {}, OK,
          then=firmware("Installing", "InstallationFailed")),
    Order("TC_L_10", "update_firmware", SIGNED, "UpdateFirmware", {}, {"status": "AcceptedCanceled"}),
    Order("TC_L_11", "update_firmware", SIGNED, "UpdateFirmware", {}, NO, "rejected"),
    Order("TC_L_17", "publish_firmware", {"url": "https://x/fw", "checksum": SUM}, "PublishFirmware",
          {"checksum": SUM}, OK, then=published("Downloading", "Downloaded", "ChecksumVerified")),
    Order("TC_L_21", "unpublish_firmware", {"checksum": SUM}, "UnpublishFirmware", {"checksum": SUM},
          {"status": "Unpublished"}),
    Order("TC_L_22", "unpublish_firmware", {"checksum": SUM}, "UnpublishFirmware", {}, {"status": "NoFirmware"},
          "rejected"),
    *(
        Order(case, "install_certificate", {"kind": kind, "certificate": "PEM"}, "InstallCertificate",
              {"certificateType": word}, OK)
        for case, kind, word in (
            ("TC_M_01", "csms_root", "CSMSRootCertificate"),
            ("TC_M_02", "manufacturer_root", "ManufacturerRootCertificate"),
            ("TC_M_03", "v2g_root", "V2GRootCertificate"),
            ("TC_M_04", "mo_root", "MORootCertificate"),
        )
    ),
    Order("TC_M_05", "install_certificate", {"certificate": "PEM"}, "InstallCertificate", {}, {"status": "Failed"},
          "rejected"),
    *(
        Order(case, "list_certificates", {"kind": kind}, "GetInstalledCertificateIds", {"certificateType": [word]},
              listed(word))
        for case, kind, word in (
            ("TC_M_12", "csms_root", "CSMSRootCertificate"),
            ("TC_M_13", "manufacturer_root", "ManufacturerRootCertificate"),
            ("TC_M_14", "v2g_root", "V2GRootCertificate"),
            ("TC_M_15", "v2g_chain", "V2GCertificateChain"),
            ("TC_M_16", "mo_root", "MORootCertificate"),
        )
    ),
    Order("TC_M_18", "list_certificates", {}, "GetInstalledCertificateIds", {}, listed("CSMSRootCertificate")),
    Order("TC_M_19", "list_certificates", {"kind": "csms_root"}, "GetInstalledCertificateIds", {},
          {"status": "NotFound"}, "rejected"),
    Order("TC_M_20", "delete_certificate", NAMED, "DeleteCertificate", {"certificateHashData": HASHES}, OK),
    Order("TC_M_21", "delete_certificate", NAMED, "DeleteCertificate", {}, {"status": "Failed"}, "rejected"),
    Order("TC_N_01", "monitoring_report", {"criteria": ["delta"]}, "GetMonitoringReport",
          {"monitoringCriteria": ["DeltaMonitoring"]}, {"status": "EmptyResultSet"}, "rejected"),
    Order("TC_N_02", "monitoring_report", {"names": ["EVSE:1.Power"]}, "GetMonitoringReport",
          {"componentVariable": [POWER]}, OK, then=monitored()),
    Order("TC_N_03", "monitoring_report", {"criteria": ["threshold"], "names": ["EVSE:1.Power"]},
          "GetMonitoringReport", {"componentVariable": [POWER], "monitoringCriteria": ["ThresholdMonitoring"]}, OK,
          then=monitored()),
    Order("TC_N_05", "set_monitoring_base", {"base": "factory"}, "SetMonitoringBase",
          {"monitoringBase": "FactoryDefault"}, OK),
    Order("TC_N_08", "set_monitors", {"monitors": [MONITOR]}, "SetVariableMonitoring",
          {"setMonitoringData": [MONITOR_ON_WIRE]},
          {"setMonitoringResult": [{**POWER, "id": 1, "status": "Accepted", "type": "UpperThreshold",
                                    "severity": 5}]}),
    Order("TC_N_16", "set_monitoring_level", {"severity": 4}, "SetMonitoringLevel", {"severity": 4}, OK),
    Order("TC_N_17", "set_monitoring_level", {"severity": 10}, "SetMonitoringLevel", {"severity": 10}, NO, "rejected"),
    Order("TC_N_25", "fetch_logs", {"url": "ftp://x/up"}, "GetLog", {"logType": "DiagnosticsLog"}, OK,
          then=uploads("Uploading", "Uploaded")),
    Order("TC_N_27", "customer_information", DANA, "CustomerInformation", {"report": True, "clear": False}, OK,
          then=customer("Dana, ", "card C0FFEE01")),
    Order("TC_N_28", "customer_information", DANA, "CustomerInformation", {}, OK, then=customer("")),
    Order("TC_N_29", "customer_information", DANA, "CustomerInformation", {}, NO, "rejected"),
    Order("TC_N_30", "customer_information", {**DANA, "clear": True}, "CustomerInformation",
          {"report": True, "clear": True}, OK, then=customer("Dana")),
    Order("TC_N_32", "customer_information", {"customer": "Dana", "clear": True}, "CustomerInformation",
          {"report": False, "clear": True}, OK),
    Order("TC_N_34", "fetch_logs", {"url": "ftp://x/up"}, "GetLog", {}, NO, "rejected"),
    Order("TC_N_35", "fetch_logs", {"url": "ftp://x/up", "kind": "security"}, "GetLog", {"logType": "SecurityLog"},
          OK, then=uploads("Uploading", "Uploaded")),
    Order("TC_N_36", "fetch_logs", {"url": "ftp://x/up"}, "GetLog", {}, {"status": "AcceptedCanceled"},
          then=uploads("AcceptedCanceled")),
    Order("TC_N_44", "clear_monitors", {"ids": [1]}, "ClearVariableMonitoring", {"id": [1]},
          {"clearMonitoringResult": [{"id": 1, "status": "Rejected"}]}, "rejected"),
    Order("TC_N_47", "monitoring_report", {}, "GetMonitoringReport", {}, OK, then=monitored()),
    Order("TC_N_63", "customer_information", {**NAMED, "report": True, "clear": True}, "CustomerInformation",
          {"customerCertificate": HASHES}, OK, then=customer("")),
    Order("TC_O_01", "show_message", TEXT, "SetDisplayMessage", {}, OK),
    Order("TC_O_02", "list_messages", {}, "GetDisplayMessages", {}, OK,
          then=[("NotifyDisplayMessages", {"requestId": 1, "messageInfo": [INFO]})]),
    Order("TC_O_03", "list_messages", {}, "GetDisplayMessages", {}, {"status": "Unknown"}, "rejected"),
    Order("TC_O_04", "clear_message", {"message_id": 1}, "ClearDisplayMessage", {"id": 1}, OK),
    Order("TC_O_05", "clear_message", {"message_id": 9}, "ClearDisplayMessage", {"id": 9}, {"status": "Unknown"},
          "rejected"),
    Order("TC_O_06", "show_message", {**TEXT, "transaction_id": "b7f1"}, "SetDisplayMessage", {}, OK),
    Order("TC_O_08", "list_messages", {"priority": "cycle"}, "GetDisplayMessages", {"priority": "NormalCycle"}, OK),
    Order("TC_O_09", "list_messages", {"state": "idle"}, "GetDisplayMessages", {"state": "Idle"}, OK),
    Order("TC_O_17", "show_message", {**TEXT, "priority": "front"}, "SetDisplayMessage", {},
          {"status": "NotSupportedPriority"}, "rejected"),
    Order("TC_O_18", "show_message", {**TEXT, "state": "charging"}, "SetDisplayMessage", {},
          {"status": "NotSupportedState"}, "rejected"),
    Order("TC_O_19", "show_message", {**TEXT, "format": "HTML"}, "SetDisplayMessage", {},
          {"status": "NotSupportedMessageFormat"}, "rejected"),
    Order("TC_O_26", "show_message", TEXT, "SetDisplayMessage", {}, NO, "rejected"),
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_201(stack: Stack, order: Order) -> None:
    await carry_out(stack, "ocpp2.0.1", order)
