"""Each refusal names the requirement; what is right passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Setting
from smartcharging import abilities, profiles
from smartcharging.rules import Abilities, Case, objections
from smartcharging.schedules import Profile

START = "2026-03-02T12:00:00Z"


def schedule(*limits, **more):
    periods = [{"start_s": 60 * n, "limit": limit} for n, limit in enumerate(limits or (16,))]
    return {"unit": "A", "start_at": START, "periods": periods, **more}


GOOD = Profile(7, 1, "tx_default", "absolute", evse_id=1, schedules=[schedule()])
RUNNING = {1: "41"}


def numbers(profile, version="2.1", **context):
    found = objections(Case(profile, version, **{"running": RUNNING, **context}))
    return " ".join(objection.requirement for objection in found)


def test_a_good_profile_passes_in_every_version():
    for version in ("1.6", "2.0.1", "2.1"):
        assert numbers(GOOD, version) == ""
        assert numbers(replace(GOOD, purpose="tx", transaction_id="41"), version) == ""


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ({"purpose": "external"}, "§3.13.1", "K01.FR.22"),
        ({"evse_id": 9}, "§5.16", "K01.FR.28"),
        ({"purpose": "charger_max"}, "§3.13.1", "K01.FR.04"),
        ({"purpose": "tx", "transaction_id": "99"}, "§5.16.2", "K01.FR.33"),
        ({"purpose": "tx", "evse_id": 2, "transaction_id": "41"}, "§5.16.2", "K01.FR.09"),
        ({"purpose": "tx", "evse_id": 0, "transaction_id": "41"}, "§3.13.1", "K01.FR.16"),
        ({"kind": "recurring"}, "§7.8", "K01"),
        ({"kind": "recurring", "recurrency": "daily", "schedules": [schedule(start_at="")]}, "§7.13", "K01.FR.40"),
        ({"schedules": []}, "§7.13", "K01"),
        ({"schedules": [{"unit": "A", "start_at": START, "periods": [{"start_s": 5, "limit": 1}]}]}, "§7.14", "FR.31"),
        ({"schedules": [schedule(16, -1)]}, "§7.14", "K01"),
        ({"stack_level": -1}, "§7.8", "K01"),
        ({"schedules": [schedule(start_at="soon")]}, "§7.13", "K01"),
        ({"schedules": [schedule() | {"periods": [{"start_s": 0, "limit": 9, "phases": 4}]}]}, "§7.14", "K01.FR.45"),
    ],
)
def test_what_no_version_allows_is_refused_by_its_paragraph(change, old, new):
    profile = replace(GOOD, **change)
    assert old in numbers(profile, "1.6", evse_ids=frozenset({1, 2}))
    assert new in numbers(profile, "2.0.1", evse_ids=frozenset({1, 2}))


def test_periods_come_in_order():
    mixed = schedule() | {"periods": [{"start_s": at, "limit": 9} for at in (0, 60, 60)]}
    assert numbers(replace(GOOD, schedules=[mixed])) == "K01.FR.35"


def test_a_session_profile_of_2x_names_its_session_and_one_of_16_need_not():
    profile = replace(GOOD, purpose="tx")
    assert numbers(profile, "2.0.1") == "K01.FR.03"
    assert numbers(profile, "1.6") == ""


def test_a_profile_that_rides_along_with_a_start_needs_no_session_yet():
    assert numbers(replace(GOOD, purpose="tx", evse_id=2), is_start=True) == ""


def test_absolute_needs_a_start_and_relative_has_none_in_2x():
    assert numbers(replace(GOOD, schedules=[schedule(start_at=None)])) == "K01.FR.40"
    assert numbers(replace(GOOD, kind="relative")) == "K01.FR.41"


def test_another_profile_at_the_same_level_is_a_clash_in_2x_unless_their_validity_does_not_meet():
    now = timezone.now()
    other = replace(GOOD, profile_id=8)
    assert "K01.FR.06" in numbers(GOOD, installed=[other])
    assert numbers(GOOD, installed=[replace(other, profile_id=7)]) == ""
    assert numbers(GOOD, "1.6", installed=[other]) == ""  # there it replaces
    earlier = replace(other, valid_to=now)
    assert numbers(replace(GOOD, valid_from=now), installed=[earlier]) == ""


def test_a_default_for_charger_and_evse_at_one_level_is_refused_in_2x():
    assert numbers(GOOD, installed=[replace(GOOD, profile_id=8, evse_id=0)]) == "K01.FR.52, K01.FR.53"


def test_a_session_profile_of_16_has_no_validity_of_its_own():
    profile = replace(GOOD, purpose="tx", valid_to=timezone.now() + timedelta(hours=1))
    assert numbers(profile, "1.6") == "OCPP 1.6 §7.8"


def test_what_the_charger_cannot_do_is_not_asked_of_it():
    weak = Abilities(most_stack_level=0, most_periods=1, most_profiles=1, units=frozenset({"W"}))
    profile = replace(GOOD, schedules=[schedule(16, 10)])
    found = numbers(profile, "1.6", abilities=weak, installed=[replace(GOOD, profile_id=1, purpose="charger_max")])
    assert [f"§9.4.{n}" in found for n in (1, 2, 3, 5)] == [True] * 4


def test_dc_has_no_phases():
    profile = replace(GOOD, schedules=[schedule() | {"periods": [{"start_s": 0, "limit": 9, "phases": 3}]}])
    assert numbers(profile, abilities=Abilities(is_dc=True)) == "K01.FR.44"


@pytest.mark.parametrize(
    ("change", "requirement"),
    [
        ({"purpose": "priority", "schedules": [schedule(duration_s=60)]}, "K01.FR.70"),
        ({"purpose": "charger_max", "evse_id": 0, "schedules": [schedule(random_delay_s=9)]}, "K01.FR.95"),
        ({"purpose": "local_generation"}, "K01.FR.120"),
        ({"kind": "dynamic"}, "K01.FR.121"),
        ({"schedules": [schedule(use_local_time=True)]}, "K01.FR.123"),
        ({"profile_id": 3}, "K01.FR.81"),
        ({"kind": "dynamic", "schedules": [schedule(16, 10)]}, "K28"),
    ],
)
def test_what_21_adds_has_rules_of_its_own(change, requirement):
    some = Abilities(
        additional_purposes=frozenset({"priority"}),
        features={"dynamic": False, "local_time": False},
        least_profile_id=5,
    )
    assert requirement in numbers(replace(GOOD, **change), abilities=some)


def test_a_set_point_is_for_sessions_only():
    period = {"start_s": 0, "operation_mode": "CentralSetpoint", "setpoint": 9}
    assert numbers(replace(GOOD, schedules=[schedule() | {"periods": [period]}])) == ""
    profile = replace(GOOD, purpose="charger_max", evse_id=0, schedules=[schedule() | {"periods": [period]}])
    assert numbers(profile) == "K01"


def test_a_sentence_names_the_value_and_the_way_out():
    (found,) = objections(Case(replace(GOOD, stack_level=9), "1.6", abilities=Abilities(most_stack_level=8)))
    assert str(found) == "Its stack levels go up to 8; 9 is above. (OCPP 1.6 §9.4.1)"


# -- with what the charger told ----------------------------------------------------------------------------------------


def test_abilities_are_read_from_the_settings_of_either_family(cp1, cp3):
    def tell(charger, component, name, value, instance=""):
        Setting.objects.create(
            charger=charger, component=component, name=name, instance=instance, value=value, reported_at=timezone.now()
        )

    tell(cp1, "", "ChargeProfileMaxStackLevel", "8")
    tell(cp1, "", "ChargingScheduleAllowedChargingRateUnit", "Current, Power")
    tell(cp3, "SmartChargingCtrlr", "ProfileStackLevel", "3")
    tell(cp3, "SmartChargingCtrlr", "Entries", "6", "ChargingProfiles")
    tell(cp3, "SmartChargingCtrlr", "SupportsFeature", "false", "DynamicProfiles")
    old, new = abilities.of(cp1), abilities.of(cp3)
    assert (old.most_stack_level, old.units, old.most_profiles) == (8, frozenset({"A", "W"}), None)
    assert (new.most_stack_level, new.most_profiles, new.features["dynamic"]) == (3, 6, False)


def test_what_is_installed_counts(cp2):
    profiles.install(cp2, replace(GOOD, profile_id=8), evse_id=1, at=timezone.now())
    (found,) = abilities.wrong_with(cp2, GOOD)
    assert found.requirement == "K01.FR.06, K01.FR.39"
