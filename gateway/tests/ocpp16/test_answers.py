"""What a charger's answers mean for what we know of it. OCPP 1.6."""

from __future__ import annotations

import pytest

from chargers import credentials
from chargers.models import Setting
from sessions.models import Reservation
from smartcharging.models import InstalledProfile

PROFILE = {
    "chargingProfileId": 7,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]},
}


def test_a_configuration_is_kept_with_what_the_charger_does_not_know(one):
    keys = [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
    ]
    one.answers("read_settings", {"configurationKey": keys, "unknownKey": ["Colour"]})
    known = Setting.objects.values_list("name", "value", "is_readonly", "is_known")
    assert set(known) == {
        ("HeartbeatInterval", "300", False, True),
        ("NumberOfConnectors", "2", True, True),
        ("Colour", "", False, False),
    }


def test_a_configuration_read_again_replaces_the_old_values(one):
    for value in ("300", "60"):
        answer = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": value}]}
        one.answers("read_settings", answer)
    assert Setting.objects.get().value == "60"


@pytest.mark.parametrize(("status", "waits"), [("Accepted", False), ("RebootRequired", True)])
def test_a_value_that_was_taken_is_the_value(one, status, waits):
    one.answers("write_settings", {"status": status}, settings=[{"name": "HeartbeatInterval", "value": "60"}])
    setting = Setting.objects.get()
    assert (setting.value, setting.needs_reboot) == ("60", waits)


def test_a_value_that_was_refused_changes_nothing(one):
    one.answers("write_settings", {"status": "Rejected"}, settings=[{"name": "HeartbeatInterval", "value": "60"}])
    assert not Setting.objects.exists()


def test_a_new_password_holds_once_the_charger_has_taken_it(one):
    credentials.set_password(one.charger, "the-old-password-42")
    key = b"the-new-password-43".hex()
    settings = [{"name": "AuthorizationKey", "value": key}]
    command = one.answers("write_settings", {"status": "Accepted"}, settings=settings)
    one.charger.refresh_from_db()
    assert credentials.matches(one.charger.password_hash, b"the-new-password-43")
    assert not credentials.matches(one.charger.password_hash, b"the-old-password-42")
    assert Setting.objects.get().value == ""
    command.refresh_from_db()
    assert key not in f"{command.payload} {command.arguments}"


OLD, NEW = "the-old-password-42", "the-new-password-43"


def opens(charger, password):
    charger.refresh_from_db()
    return any(
        credentials.matches(known, password.encode())
        for known in (charger.password_hash, *credentials.pending(charger))
    )


@pytest.mark.parametrize(
    ("answer", "is_old_good", "is_new_good"),
    [
        ("Accepted", False, True),
        ("RebootRequired", True, True),  # whichever it logs in with
        ("Rejected", True, False),
        ("NotSupported", True, False),
    ],
)
def test_after_its_answer_only_the_password_that_the_charger_has_opens_the_door(one, answer, is_old_good, is_new_good):
    credentials.set_password(one.charger, OLD)
    one.answers("write_settings", {"status": answer}, settings=[{"name": "AuthorizationKey", "value": NEW}])
    assert (opens(one.charger, OLD), opens(one.charger, NEW)) == (is_old_good, is_new_good)


def test_until_the_answer_is_known_both_passwords_open_the_door(one):
    credentials.set_password(one.charger, OLD)
    _, payload = one.told("write_settings", settings=[{"name": "AuthorizationKey", "value": NEW}])
    assert payload["value"] == NEW
    assert opens(one.charger, OLD)
    assert opens(one.charger, NEW)


def test_a_password_of_an_odd_length_holds_if_the_charger_took_it(one):
    settings = [{"name": "AuthorizationKey", "value": "short"}]
    one.answers("write_settings", {"status": "Accepted"}, settings=settings)
    one.charger.refresh_from_db()
    assert credentials.matches(one.charger.password_hash, b"short")


def test_a_raw_command_teaches_us_as_much_as_a_verb(one):
    payload = {"connectorId": 1, "csChargingProfiles": PROFILE}
    command = one.answers_raw("SetChargingProfile", payload, {"status": "Accepted"})
    profile = InstalledProfile.objects.get()
    assert (profile.profile_id, profile.evse_id, profile.purpose, profile.command) == (7, 1, "tx_default", command)
    assert profile.schedules == [{"unit": "A", "periods": [{"start_s": 0, "limit": 10}]}]


def test_a_profile_of_the_same_purpose_and_level_replaces_the_other(one):
    for number in (7, 8):
        payload = {"connectorId": 1, "csChargingProfiles": {**PROFILE, "chargingProfileId": number}}
        one.answers_raw("SetChargingProfile", payload, {"status": "Accepted"})
    assert InstalledProfile.objects.get().profile_id == 8


@pytest.mark.parametrize(
    ("criteria", "left"),
    [({"profile_id": 7}, {8}), ({"evse_id": 2}, {7}), ({"purpose": "charger_max"}, {7, 8}), ({}, set())],
)
def test_cleared_profiles_are_forgotten_by_the_criteria_sent(one, criteria, left):
    for connector, number in ((1, 7), (2, 8)):
        payload = {"connectorId": connector, "csChargingProfiles": {**PROFILE, "chargingProfileId": number}}
        one.answers_raw("SetChargingProfile", payload, {"status": "Accepted"})
    one.answers("clear_profiles", {"status": "Accepted"}, **criteria)
    assert set(InstalledProfile.objects.values_list("profile_id", flat=True)) == left


def test_the_profile_of_a_session_goes_with_it(one, card):
    begun = one.call("StartTransaction", connectorId=1, idTag=card.value, meterStart=0, timestamp=one.clock())
    number = begun["transactionId"]
    profile = {**PROFILE, "chargingProfilePurpose": "TxProfile", "transactionId": number}
    one.answers_raw("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}, {"status": "Accepted"})
    assert InstalledProfile.objects.exists()
    one.call("StopTransaction", transactionId=number, meterStop=10, timestamp=one.clock())
    assert not InstalledProfile.objects.exists()


def test_a_stop_without_a_session_takes_no_profile_along(one):
    profile = {**PROFILE, "chargingProfilePurpose": "TxProfile"}  # for whatever runs on its connector
    one.answers_raw("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}, {"status": "Accepted"})
    one.call("StopTransaction", transactionId=-1, meterStop=10, timestamp=one.clock())
    assert InstalledProfile.objects.exists()


def test_the_local_list_has_the_version_that_was_taken_or_told(one):
    one.answers("send_local_list", {"status": "Accepted"}, version=3, mode="full", tokens=[])
    one.charger.refresh_from_db()
    assert one.charger.local_list_version == 3
    one.answers("local_list_version", {"listVersion": 5})
    one.charger.refresh_from_db()
    assert one.charger.local_list_version == 5


def test_a_reservation_lives_until_it_is_used(one, card):
    asked = {"evse_id": 1, "token": card.value, "expires_at": one.clock(hours=1), "reservation_id": 9}
    one.answers("reserve", {"status": "Accepted"}, **asked)
    assert Reservation.objects.get().status == "accepted"
    start = {"connectorId": 1, "idTag": card.value, "meterStart": 0, "timestamp": one.clock(), "reservationId": 9}
    one.call("StartTransaction", **start)
    assert Reservation.objects.get().status == "used"


def test_a_cancelled_reservation_is_over(one, card):
    asked = {"evse_id": 1, "token": card.value, "expires_at": one.clock(hours=1), "reservation_id": 9}
    one.answers("reserve", {"status": "Accepted"}, **asked)
    one.answers("cancel_reservation", {"status": "Accepted"}, reservation_id=9)
    assert Reservation.objects.get().status == "cancelled"
