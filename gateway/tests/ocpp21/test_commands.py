"""How our verbs sound in OCPP 2.1 where it differs from 2.0.1. `Talk.told` checks each against the schema."""

from __future__ import annotations

import pytest

from gateway.dialect import Unspeakable
from smartcharging.models import InstalledProfile

TARIFF = {"tariffId": "NIGHT", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.29}]}}
DYNAMIC = {
    "id": 7, "stack_level": 1, "purpose": "tx_default", "kind": "dynamic", "unit": "A", "update_interval_s": 60,
    "periods": [{"start_s": 0, "limit": 16, "limit_l2": 10, "limit_l3": "6.04", "operation_mode": "ChargingOnly"}],
}  # fmt: skip
DROOP = {"priority": 0, "overFreq": 50.2, "underFreq": 49.8, "overDroop": 5, "underDroop": 5, "responseTime": 1}
SPOKEN = [
    ("reset", {"kind": "resume"}, "Reset", {"type": "ImmediateAndResume"}),
    ("reset", {"kind": "hard", "evse_id": 1}, "Reset", {"type": "Immediate", "evseId": 1}),
    ("update_schedule", {"profile_id": 7, "limit": 11, "limit_l2": 0, "setpoint_reactive_l3": -3},
     "UpdateDynamicSchedule",
     {"chargingProfileId": 7, "scheduleUpdate": {"limit": 11.0, "limit_L2": 0.0, "setpointReactive_L3": -3.0}}),
    ("use_priority", {"transaction_id": "tx-1", "is_active": False}, "UsePriorityCharging",
     {"transactionId": "tx-1", "activate": False}),
    ("allow_energy_transfer", {"transaction_id": "tx-1", "transfers": ["DC", "DC_BPT"]},
     "NotifyAllowedEnergyTransfer", {"transactionId": "tx-1", "allowedEnergyTransfer": ["DC", "DC_BPT"]}),
    ("set_default_tariff", {"evse_id": 0, "tariff": TARIFF}, "SetDefaultTariff", {"evseId": 0, "tariff": TARIFF}),
    ("read_tariffs", {}, "GetTariffs", {"evseId": 0}),
    ("clear_tariffs", {}, "ClearTariffs", {}),
    ("clear_tariffs", {"tariff_ids": ["NIGHT"], "evse_id": 1}, "ClearTariffs", {"tariffIds": ["NIGHT"], "evseId": 1}),
    ("change_tariff", {"transaction_id": "tx-1", "tariff": TARIFF}, "ChangeTransactionTariff",
     {"transactionId": "tx-1", "tariff": TARIFF}),
    ("web_payment_started", {"evse_id": 1, "timeout_s": 90}, "NotifyWebPaymentStarted", {"evseId": 1, "timeout": 90}),
    ("set_der_control", {"control_id": "D-1", "kind": "FreqDroop", "is_default": True, "control": {"freqDroop": DROOP}},
     "SetDERControl", {"isDefault": True, "controlId": "D-1", "controlType": "FreqDroop", "freqDroop": DROOP}),
    ("clear_der_controls", {}, "ClearDERControl", {"isDefault": False}),
    ("clear_der_controls", {"kind": "VoltVar", "control_id": "D-1"}, "ClearDERControl",
     {"isDefault": False, "controlType": "VoltVar", "controlId": "D-1"}),
    ("signal_afrr", {"at": "2026-06-02T18:00:00Z", "signal": -40}, "AFRRSignal",
     {"timestamp": "2026-06-02T18:00:00.000Z", "signal": -40}),
    ("adjust_stream", {"stream_id": 4, "interval_s": 5}, "AdjustPeriodicEventStream",
     {"id": 4, "params": {"interval": 5}}),
    ("read_streams", {}, "GetPeriodicEventStream", {}),
    ("clear_profiles", {"purpose": "priority", "evse_id": 1}, "ClearChargingProfile",
     {"chargingProfileCriteria": {"evseId": 1, "chargingProfilePurpose": "PriorityCharging"}}),
    ("clear_profiles", {"purpose": "priority", "profile_id": 7}, "ClearChargingProfile", {"chargingProfileId": 7}),
    ("clear_profiles", {"purpose": "tx"}, "ClearChargingProfile",
     {"chargingProfileCriteria": {"chargingProfilePurpose": "TxProfile"}}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "arguments", "action", "payload"), SPOKEN)
def test_a_verb_in_the_words_of_2_1(three, verb, arguments, action, payload):
    assert three.told(verb, **arguments) == (action, payload)


def test_a_swap_of_batteries_carries_the_number_of_its_request(three):
    action, payload = three.told("request_battery_swap", token="04A2B3C4")
    assert action == "RequestBatterySwap" and payload["requestId"] > 0
    assert payload["idToken"] == {"idToken": "04A2B3C4", "type": "ISO14443"}


def test_a_dynamic_profile_keeps_the_spelling_of_its_phases(three):
    _, payload = three.told("set_profile", evse_id=1, profile=DYNAMIC)
    profile = payload["chargingProfile"]
    assert (profile["chargingProfileKind"], profile["dynUpdateInterval"]) == ("Dynamic", 60)
    [schedule] = profile["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 16.0, "limit_L2": 10.0, "limit_L3": 6.0, "operationMode": "ChargingOnly"}
    ]


def test_a_start_from_afar_takes_a_profile_of_2_1_along(three):
    _, payload = three.told("remote_start", token="04A2", evse_id=1, profile={**DYNAMIC, "purpose": "tx"})
    assert payload["chargingProfile"]["chargingProfileKind"] == "Dynamic"
    assert "chargingProfile" not in three.told("remote_start", token="04A2")[1]


def test_a_profile_in_the_specifications_words_passes_untouched(three):
    _, worded = three.told("set_profile", evse_id=1, profile=DYNAMIC)
    again = three.told("set_profile", evse_id=1, profile=worded["chargingProfile"])
    assert again[1]["chargingProfile"] == worded["chargingProfile"]


def test_profiles_of_purposes_that_only_2_1_knows_are_installed_under_our_names(three):
    profile = {**DYNAMIC, "purpose": "local_generation", "kind": "absolute", "start_at": "2026-06-02T00:00:00Z"}
    three.answers("set_profile", {"status": "Accepted"}, evse_id=0, profile=profile)
    assert InstalledProfile.objects.get().purpose == "local_generation"
    _, asked = three.told("list_profiles", purpose="local_generation")
    assert asked["chargingProfile"] == {"chargingProfilePurpose": "LocalGeneration"}
    three.answers("clear_profiles", {"status": "Accepted"}, purpose="local_generation")
    assert not InstalledProfile.objects.exists()


@pytest.mark.parametrize(
    ("verb", "arguments", "why"),
    [
        ("update_schedule", {"profile_id": 7}, "limit_l2"),
        ("update_schedule", {"profile_id": 7, "limit": "much"}, "much"),
        ("set_default_tariff", {"evse_id": 0, "tariff": "cheap"}, "TariffType"),
        ("clear_tariffs", {"tariff_ids": "NIGHT"}, "NIGHT"),
        ("set_der_control", {"control_id": "D-1", "kind": "VoltVar", "control": "steep"}, "SetDERControlRequest"),
        ("clear_der_controls", {"is_default": "yes"}, "true or false"),
        ("use_priority", {"transaction_id": "tx-1"}, "is_active"),
    ],
)
def test_what_cannot_be_said_is_told_to_the_operator(three, verb, arguments, why):
    with pytest.raises(Unspeakable, match=why):
        three.told(verb, **arguments)


@pytest.mark.parametrize("verb", ["update_schedule", "set_default_tariff", "use_priority"])
def test_older_versions_have_no_words_for_what_is_new(one, two, verb):
    for older in (one, two):
        with pytest.raises(Unspeakable, match="has no message"):
            older.told(verb, profile_id=7, limit=5)
