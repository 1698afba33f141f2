"""What an order of staff may leave at a charger is known from the moment it goes out, whatever its words were."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from chargers import commands
from gateway import delivery
from gateway.call import Books
from smartcharging.models import InstalledProfile

PERIODS = [{"startPeriod": 0, "limit": 25.0, "numberPhases": 3}]
OF_16 = {
    "chargingProfileId": 5, "stackLevel": 3, "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative", "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": PERIODS},
}  # fmt: skip
OF_2X = {
    "id": 5, "stackLevel": 3, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
    "chargingSchedule": [{"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": PERIODS}],
}  # fmt: skip
START_2X = {"remoteStartId": 1, "idToken": {"idToken": "AA", "type": "Central"}, "evseId": 1, "chargingProfile": OF_2X}
RAW = {
    "1.6 set": ("cp1", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": OF_16}, "tx_default"),
    "1.6 start": ("cp1", "RemoteStartTransaction", {
        "idTag": "AA", "connectorId": 1, "chargingProfile": OF_16 | {"chargingProfilePurpose": "TxProfile"}}, "tx"),
    "2.0.1 set": ("cp2", "SetChargingProfile", {
        "evseId": 1, "chargingProfile": OF_2X | {"chargingProfilePurpose": "TxDefaultProfile"}}, "tx_default"),
    "2.0.1 start": ("cp2", "RequestStartTransaction", START_2X, "tx"),
    "2.1 start": ("cp3", "RequestStartTransaction", START_2X, "tx"),
}  # fmt: skip


def deliver(charger):
    charger.is_online = charger.is_booted = True
    charger.save()
    with transaction.atomic():
        books = Books(timezone.now())
        sent = delivery.deliver({charger.pk}, books)
        books.write()
    assert len(sent) == 1


@pytest.mark.parametrize(("who", "action", "payload", "purpose"), RAW.values(), ids=RAW)
def test_a_raw_order_with_a_profile_is_understood_as_it_leaves(request, who, action, payload, purpose):
    charger = request.getfixturevalue(who)
    command = commands.request(charger, action=action, payload=payload)
    deliver(charger)
    command.refresh_from_db()
    told = command.arguments["profile"]
    assert (command.status, command.verb, command.arguments["evse_id"]) == ("sent", "", 1)
    assert (told["id"], told["purpose"], told["schedules"][0]["periods"][0]["limit"]) == (5, purpose, 25.0)


def test_raw_new_powers_of_a_dynamic_profile_are_understood_too(cp3):
    update = {"chargingProfileId": 7, "scheduleUpdate": {"limit": 11.0, "limit_L2": 3.0}}
    command = commands.request(cp3, action="UpdateDynamicSchedule", payload=update)
    deliver(cp3)
    command.refresh_from_db()
    assert command.arguments == {"profile_id": 7, "limit": 11.0, "limit_l2": 3.0}


def test_any_other_raw_order_stays_as_it_was_given(cp1):
    command = commands.request(cp1, action="TriggerMessage", payload={"requestedMessage": "Heartbeat"})
    deliver(cp1)
    command.refresh_from_db()
    assert command.arguments == {}


@pytest.mark.parametrize(
    ("who", "status", "count"), [("one", "Accepted", 1), ("two", "Accepted", 1), ("one", "Rejected", 0)]
)
def test_a_profile_that_a_start_took_along_is_held_once_the_start_is_accepted(request, who, status, count):
    talk = request.getfixturevalue(who)
    profile = {"id": 5, "stack_level": 3, "purpose": "tx", "kind": "relative", "unit": "A",
               "periods": [{"start_s": 0, "limit": 25}]}  # fmt: skip
    talk.answers("remote_start", {"status": status}, token="AA", evse_id=1, profile=profile)
    held = InstalledProfile.objects.filter(purpose="tx", evse_id=1, profile_id=5, transaction_id="")
    assert held.count() == count
