"""How our verbs sound in OCPP 1.6. `Talk.told` checks each against the schema."""

from __future__ import annotations

import pytest

from gateway.dialect import Unspeakable
from sessions.models import ChargingSession

LIMIT = {"id": 7, "stack_level": 1, "purpose": "tx_default", "unit": "A", "periods": [{"start_s": 0, "limit": 16}]}
SPOKEN = [
    ("reset", {"kind": "hard"}, "Reset", {"type": "Hard"}),
    ("reset", {}, "Reset", {"type": "Soft"}),
    ("unlock", {"evse_id": 2}, "UnlockConnector", {"connectorId": 2}),
    ("change_availability", {"evse_id": 0, "operative": False}, "ChangeAvailability",
     {"connectorId": 0, "type": "Inoperative"}),
    ("remote_start", {"token": "04A2", "evse_id": 1}, "RemoteStartTransaction", {"idTag": "04A2", "connectorId": 1}),
    ("remote_start", {"token": "04A2"}, "RemoteStartTransaction", {"idTag": "04A2"}),
    ("remote_stop", {"transaction_id": "57"}, "RemoteStopTransaction", {"transactionId": 57}),
    ("trigger", {"message": "StatusNotification", "evse_id": 1}, "TriggerMessage",
     {"requestedMessage": "StatusNotification", "connectorId": 1}),
    ("trigger", {"message": "LogStatusNotification"}, "ExtendedTriggerMessage",
     {"requestedMessage": "LogStatusNotification"}),
    ("read_settings", {}, "GetConfiguration", {}),
    ("read_settings", {"names": ["HeartbeatInterval"]}, "GetConfiguration", {"key": ["HeartbeatInterval"]}),
    ("write_settings", {"settings": [{"name": "HeartbeatInterval", "value": 60}]}, "ChangeConfiguration",
     {"key": "HeartbeatInterval", "value": "60"}),
    ("update_firmware", {"url": "https://x/fw.bin", "retrieve_at": "2026-03-01T02:00:00+01:00", "retries": 3},
     "UpdateFirmware", {"location": "https://x/fw.bin", "retrieveDate": "2026-03-01T01:00:00.000Z", "retries": 3}),
    ("fetch_logs", {"url": "https://x/up", "kind": "diagnostics", "since": "2026-03-01T00:00:00Z"}, "GetDiagnostics",
     {"location": "https://x/up", "startTime": "2026-03-01T00:00:00.000Z"}),
    ("clear_profiles", {"evse_id": 0, "purpose": "charger_max"}, "ClearChargingProfile",
     {"connectorId": 0, "chargingProfilePurpose": "ChargePointMaxProfile"}),
    ("composite_schedule", {"evse_id": 1, "duration_s": 3600, "unit": "A"}, "GetCompositeSchedule",
     {"connectorId": 1, "duration": 3600, "chargingRateUnit": "A"}),
    ("clear_cache", {}, "ClearCache", {}),
    ("local_list_version", {}, "GetLocalListVersion", {}),
    ("reserve", {"evse_id": 1, "token": "04A2", "expires_at": "2026-03-01T18:00:00Z", "reservation_id": 9},
     "ReserveNow", {"connectorId": 1, "idTag": "04A2", "expiryDate": "2026-03-01T18:00:00.000Z", "reservationId": 9}),
    ("cancel_reservation", {"reservation_id": 9}, "CancelReservation", {"reservationId": 9}),
    ("data_transfer", {"vendor_id": "acme", "data": {"a": 1}}, "DataTransfer",
     {"vendorId": "acme", "data": '{"a": 1}'}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "arguments", "action", "payload"), SPOKEN)
def test_a_verb_in_the_words_of_1_6(one, verb, arguments, action, payload):
    assert one.told(verb, **arguments) == (action, payload)


def test_a_security_log_has_a_message_of_its_own(one):
    action, payload = one.told("fetch_logs", url="https://x/up", kind="security")
    assert (action, payload["logType"]) == ("GetLog", "SecurityLog")


def test_a_profile_in_the_words_of_1_6(one):
    profile = {**LIMIT, "kind": "recurring", "recurrency": "daily", "start_at": "2026-03-01T00:00:00Z", "min_rate": 6}
    _, payload = one.told("set_profile", evse_id=1, profile=profile)
    assert payload["csChargingProfiles"] == {
        "chargingProfileId": 7,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "startSchedule": "2026-03-01T00:00:00.000Z",
            "minChargingRate": 6.0,
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
        },
    }


def test_a_session_of_ours_is_named_by_its_number(one, card):
    begun = one.call("StartTransaction", connectorId=1, idTag=card.value, meterStart=0, timestamp=one.clock())
    session = ChargingSession.objects.get()
    assert one.told("remote_stop", session_id=session.pk)[1] == {"transactionId": begun["transactionId"]}
    _, payload = one.told("set_profile", evse_id=1, profile={**LIMIT, "purpose": "tx", "session_id": session.pk})
    assert payload["csChargingProfiles"]["transactionId"] == begun["transactionId"]


def test_a_remote_start_can_bring_its_profile(one):
    _, payload = one.told("remote_start", token="04A2", evse_id=1, profile={**LIMIT, "purpose": "tx"})
    assert payload["chargingProfile"]["chargingProfilePurpose"] == "TxProfile"


def test_a_local_list_takes_in_and_takes_off(one):
    tokens = [{"value": "04A2", "status": "accepted", "group": "fleet-7"}, {"value": "04FF", "status": "removed"}]
    _, payload = one.told("send_local_list", version=3, mode="differential", tokens=tokens)
    assert payload["localAuthorizationList"] == [
        {"idTag": "04A2", "idTagInfo": {"status": "Accepted", "parentIdTag": "fleet-7"}},
        {"idTag": "04FF"},
    ]


UNSPEAKABLE = [
    ("reset", {"kind": "hard", "evse_id": 1}, "whole charger only"),
    ("reset", {"kind": "gently"}, "gently"),
    ("unlock", {}, "evse_id"),
    ("unlock", {"evse_id": "left"}, "left"),
    ("write_settings", {"settings": [{"name": "A", "value": 1}, {"name": "B", "value": 1}]}, "one setting at a time"),
    ("remote_stop", {"transaction_id": "b7f1-uuid"}, "no number"),
    ("remote_stop", {"session_id": 12345}, "not one of charger 'CP-1'"),
    ("update_firmware", {"url": "https://x", "retrieve_at": "tomorrow"}, "tomorrow"),
    ("set_profile", {"evse_id": 1, "profile": {**LIMIT, "periods": []}}, "at least one period"),
    ("set_profile", {"evse_id": 1, "profile": {**LIMIT, "purpose": "external"}}, "external"),
    ("paint_it_black", {}, "paint_it_black"),
]


@pytest.mark.parametrize(("verb", "arguments", "why"), UNSPEAKABLE)
def test_what_1_6_cannot_say_is_told_to_the_operator(one, verb, arguments, why):
    with pytest.raises(Unspeakable, match=why):
        one.told(verb, **arguments)
