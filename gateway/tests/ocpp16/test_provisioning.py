from __future__ import annotations

import re

import pytest

from chargers.models import Boot, Command, PresenceHour, Registration, Setting

BOOT = {
    "chargePointVendor": "Acme",
    "chargePointModel": "Wallbox 22",
    "chargeBoxSerialNumber": "AC-0042",
    "firmwareVersion": "1.4.2",
}


def test_a_boot_is_stored_and_accepted(one):
    answer = one.call("BootNotification", **BOOT)
    assert answer["status"] == "Accepted"
    assert 270 <= answer["interval"] <= 330
    one.charger.refresh_from_db()
    assert (one.charger.model, one.charger.firmware_version, one.charger.serial_number) == (
        "Wallbox 22",
        "1.4.2",
        "AC-0042",
    )
    assert Boot.objects.get().verdict == "Accepted"


def test_the_time_in_an_answer_is_utc_with_milliseconds(one):
    answer = one.call("Heartbeat")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["currentTime"])


def test_a_heartbeat_leaves_its_mark_in_the_hour(one):
    one.call("Heartbeat")
    one.call("Heartbeat")
    hour = PresenceHour.objects.get(charger=one.charger)
    assert hour.heartbeats == 2
    assert hour.minutes_heard == 1 << one.at.minute


@pytest.mark.parametrize(
    ("registration", "status"), [(Registration.QUARANTINED, "Pending"), (Registration.REJECTED, "Rejected")]
)
def test_the_verdict_follows_the_registration(one, registration, status):
    one.charger.registration = registration
    one.charger.save()
    assert one.call("BootNotification", **BOOT)["status"] == status
    one.charger.refresh_from_db()
    assert not one.charger.is_booted


def test_the_first_boot_of_a_firmware_asks_for_the_configuration_once(one, settings):
    settings.READ_SETTINGS_AFTER_BOOT = True
    one.call("BootNotification", **BOOT)
    one.call("BootNotification", **BOOT)
    assert [command.verb for command in Command.objects.all()] == ["read_settings"]


def test_a_boot_asks_nothing_of_a_charger_whose_settings_we_know(one, settings):
    settings.READ_SETTINGS_AFTER_BOOT = True
    Setting.objects.create(charger=one.charger, name="HeartbeatInterval", value="300", reported_at=one.at)
    one.call("BootNotification", **BOOT)
    assert not Command.objects.exists()


def test_a_boot_asks_nothing_unless_that_is_switched_on(one):
    one.call("BootNotification", **BOOT)
    assert not Command.objects.exists()


def test_a_charger_with_a_very_long_name_can_boot(one):
    answer = one.call("BootNotification", **{**BOOT, "chargePointVendor": "A" * 10_000})
    assert answer["status"] == "Accepted"


def test_the_boot_is_told_to_integrators(one):
    one.call("BootNotification", **BOOT)
    assert ("boot", {"vendor": "Acme", "model": "Wallbox 22", "firmware_version": "1.4.2", "verdict": "accepted"}) in (
        one.events
    )


def test_a_boot_asks_nothing_of_a_charger_that_is_being_certified(one, settings):
    settings.READ_SETTINGS_AFTER_BOOT = True
    one.charger.is_strict = True
    one.charger.save()
    one.call("BootNotification", **BOOT)
    assert not Command.objects.exists()
