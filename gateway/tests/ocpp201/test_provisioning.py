from __future__ import annotations

import pytest

from chargers.models import Boot, Command, Registration

STATION = {"vendorName": "Acme", "model": "Street 50", "serialNumber": "S50-7", "firmwareVersion": "2.1.0"}


def boot(two, **more):
    return two.call("BootNotification", chargingStation={**STATION, **more}, reason="PowerUp")


def test_a_boot_is_stored_and_accepted(two):
    answer = boot(two)
    assert answer["status"] == "Accepted"
    assert answer["interval"] > 0
    stored = Boot.objects.get()
    assert (stored.reason, stored.firmware_version) == ("PowerUp", "2.1.0")


@pytest.mark.parametrize(
    ("registration", "status"), [(Registration.QUARANTINED, "Pending"), (Registration.REJECTED, "Rejected")]
)
def test_the_verdict_follows_the_registration(two, registration, status):
    two.charger.registration = registration
    two.charger.save()
    assert boot(two)["status"] == status


def test_the_first_boot_asks_for_the_whole_inventory(two, settings):
    settings.READ_SETTINGS_AFTER_BOOT = True
    boot(two)
    action, payload = two.dialect.word(Command.objects.get())
    assert (action, payload["reportBase"]) == ("GetBaseReport", "FullInventory")


def test_the_modem_is_noted(two):
    boot(two, modem={"iccid": "8949", "imsi": "2620"})
    two.charger.refresh_from_db()
    assert (two.charger.iccid, two.charger.imsi) == ("8949", "2620")


def test_custom_data_passes(two):
    assert boot(two, customData={"vendorId": "acme", "colour": "red"})["status"] == "Accepted"


def test_a_heartbeat_sets_the_clock(two):
    assert two.call("Heartbeat")["currentTime"].endswith(".000Z")
