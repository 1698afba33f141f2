"""How our verbs sound in OCPP 2.0.1. `Talk.told` checks each against the schema."""

from __future__ import annotations

import pytest

from chargers.models import SecurityEvent, Transfer, VendorMessage
from gateway.dialect import Unspeakable
from sessions.models import ChargingSession, IdToken, Reservation
from smartcharging.models import InstalledProfile

LIMIT = {"id": 7, "stack_level": 1, "purpose": "tx_default", "unit": "W", "periods": [{"start_s": 0, "limit": 11000}]}
SPOKEN = [
    ("reset", {"kind": "hard"}, "Reset", {"type": "Immediate"}),
    ("reset", {"kind": "soft", "evse_id": 2}, "Reset", {"type": "OnIdle", "evseId": 2}),
    ("unlock", {"evse_id": 2}, "UnlockConnector", {"evseId": 2, "connectorId": 1}),
    ("change_availability", {"evse_id": 0, "operative": True}, "ChangeAvailability",
     {"operationalStatus": "Operative"}),
    ("change_availability", {"evse_id": 1, "connector_id": 2, "operative": False}, "ChangeAvailability",
     {"operationalStatus": "Inoperative", "evse": {"id": 1, "connectorId": 2}}),
    ("remote_stop", {"transaction_id": "b7f1"}, "RequestStopTransaction", {"transactionId": "b7f1"}),
    ("trigger", {"message": "StatusNotification", "evse_id": 1}, "TriggerMessage",
     {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 1}}),
    ("trigger", {"message": "Heartbeat"}, "TriggerMessage", {"requestedMessage": "Heartbeat"}),
    ("clear_profiles", {"profile_id": 7}, "ClearChargingProfile", {"chargingProfileId": 7}),
    ("clear_profiles", {"evse_id": 1, "purpose": "tx"}, "ClearChargingProfile",
     {"chargingProfileCriteria": {"evseId": 1, "chargingProfilePurpose": "TxProfile"}}),
    ("clear_profiles", {}, "ClearChargingProfile", {}),
    ("composite_schedule", {"evse_id": 0, "duration_s": 600}, "GetCompositeSchedule", {"evseId": 0, "duration": 600}),
    ("clear_cache", {}, "ClearCache", {}),
    ("local_list_version", {}, "GetLocalListVersion", {}),
    ("reserve", {"evse_id": 1, "token": "04A2B3C4", "expires_at": "2026-03-01T18:00:00Z", "reservation_id": 9},
     "ReserveNow", {"id": 9, "expiryDateTime": "2026-03-01T18:00:00.000Z", "evseId": 1,
                    "idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}}),
    ("cancel_reservation", {"reservation_id": 9}, "CancelReservation", {"reservationId": 9}),
    ("data_transfer", {"vendor_id": "acme", "data": {"a": 1}}, "DataTransfer", {"vendorId": "acme", "data": {"a": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "arguments", "action", "payload"), SPOKEN)
def test_a_verb_in_the_words_of_2_0_1(two, verb, arguments, action, payload):
    assert two.told(verb, **arguments) == (action, payload)


def test_a_token_goes_with_the_kind_that_we_know_of_it(two):
    IdToken.objects.create(value="DE-ABC-123", kind="eMAID")
    _, payload = two.told("remote_start", token="de-abc-123", evse_id=1)
    assert payload["idToken"] == {"idToken": "de-abc-123", "type": "eMAID"}
    assert payload["remoteStartId"] > 0


def test_logs_and_firmware_carry_the_number_of_their_request(two):
    _, log = two.told("fetch_logs", url="https://x/up", kind="security", since="2026-03-01T00:00:00Z")
    assert log["log"] == {"remoteLocation": "https://x/up", "oldestTimestamp": "2026-03-01T00:00:00.000Z"}
    _, update = two.told("update_firmware", url="https://x/fw", retrieve_at="2026-03-01T00:00:00Z", retries=2)
    assert update["firmware"]["location"] == "https://x/fw"
    assert log["requestId"] != update["requestId"]


def test_a_profile_is_installed_reported_and_cleared(two):
    two.answers("set_profile", {"status": "Accepted"}, evse_id=1, profile=LIMIT)
    installed = InstalledProfile.objects.get()
    (schedule,) = installed.schedules
    assert (installed.purpose, schedule["unit"]) == ("tx_default", "W")
    assert schedule["periods"] == [{"start_s": 0, "limit": 11000.0}]
    assert schedule["start_at"]  # K01.FR.40: absolute without a word of when is from now on
    _, payload = two.told("set_profile", evse_id=0, profile={**LIMIT, "id": 8, "purpose": "charger_max"})
    two.call(
        "ReportChargingProfiles",
        requestId=1,
        chargingLimitSource="CSO",
        evseId=0,
        chargingProfile=[payload["chargingProfile"]],
    )
    assert set(InstalledProfile.objects.values_list("evse_id", "purpose")) == {(1, "tx_default"), (0, "charger_max")}
    two.answers("clear_profiles", {"status": "Accepted"}, profile_id=7)
    assert InstalledProfile.objects.get().profile_id == 8


def test_a_profile_for_a_session_carries_the_stations_name_of_it(two):
    two.call(
        "TransactionEvent", eventType="Started", timestamp=two.clock(), triggerReason="CablePluggedIn", seqNo=0,
        transactionInfo={"transactionId": "tx-1"},
    )  # fmt: skip
    session = ChargingSession.objects.get()
    _, payload = two.told("set_profile", evse_id=1, profile={**LIMIT, "purpose": "tx", "session_id": session.pk})
    assert payload["chargingProfile"]["transactionId"] == "tx-1"
    assert two.told("remote_stop", session_id=session.pk)[1] == {"transactionId": "tx-1"}


def test_a_local_list_is_sent_and_its_version_known(two):
    tokens = [{"value": "04A2B3C4", "status": "accepted"}, {"value": "04FF", "kind": "Local", "status": "removed"}]
    command = two.answers("send_local_list", {"status": "Accepted"}, version=4, mode="differential", tokens=tokens)
    assert command.payload["localAuthorizationList"][1] == {"idToken": {"idToken": "04FF", "type": "Local"}}
    two.charger.refresh_from_db()
    assert two.charger.local_list_version == 4


@pytest.mark.parametrize("field", ["versionNumber", "listVersion"])
def test_the_version_of_the_local_list_is_read_in_the_spelling_of_1_6_too(two, field):
    two.answers("local_list_version", {field: 6})
    two.charger.refresh_from_db()
    assert two.charger.local_list_version == 6


def test_a_reservation_ends_when_the_station_says_so(two):
    asked = {"evse_id": 1, "token": "04A2B3C4", "expires_at": two.clock(hours=1), "reservation_id": 9}
    two.answers("reserve", {"status": "Accepted"}, **asked)
    assert two.call("ReservationStatusUpdate", reservationId=9, reservationUpdateStatus="Expired") == {}
    assert Reservation.objects.get().status == "expired"


@pytest.mark.parametrize(
    ("verb", "arguments", "why"),
    [
        ("reset", {"kind": "gently"}, "gently"),
        ("remote_start", {}, "token"),
        ("write_settings", {"settings": [{"name": "HeartbeatInterval", "value": "1"}]}, "Component.HeartbeatInterval"),
        ("set_profile", {"evse_id": 1, "profile": {**LIMIT, "unit": "hp"}}, "hp"),
    ],
)
def test_what_2_0_1_cannot_say_is_told_to_the_operator(two, verb, arguments, why):
    with pytest.raises(Unspeakable, match=why):
        two.told(verb, **arguments)


def test_firmware_logs_security_and_vendors_messages_are_kept(two):
    two.call("FirmwareStatusNotification", status="Installing", requestId=5)
    two.call("LogStatusNotification", status="Uploaded", requestId=6)
    two.call("SecurityEventNotification", type="StartupOfTheDevice", timestamp=two.clock())
    assert two.call("DataTransfer", vendorId="com.acme", data={"a": [1]}) == {"status": "UnknownVendorId"}
    assert set(Transfer.objects.values_list("kind", "request_id")) == {("firmware", 5), ("log", 6)}
    assert SecurityEvent.objects.get().kind == "StartupOfTheDevice"
    assert VendorMessage.objects.get().data == '{"a": [1]}'
