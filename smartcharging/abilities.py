"""What a charger said of its smart charging, and whether a profile may go to it."""

from __future__ import annotations

from collections.abc import Collection

from chargers.models import Charger, Setting
from chargers.rows import Lookup
from sessions.models import ChargingSession
from smartcharging.models import InstalledProfile
from smartcharging.rules import Abilities, Case, Objection, objections
from smartcharging.schedules import Profile

# Our field → where it stands: a key of 1.6, a (component, variable, instance) of 2.x.
_PLACES = {
    "most_stack_level": [("", "ChargeProfileMaxStackLevel", ""), ("SmartChargingCtrlr", "ProfileStackLevel", "")],
    "most_periods": [("", "ChargingScheduleMaxPeriods", ""), ("SmartChargingCtrlr", "PeriodsPerSchedule", "")],
    "most_profiles": [("", "MaxChargingProfilesInstalled", ""), ("SmartChargingCtrlr", "Entries", "ChargingProfiles")],
    "units": [("", "ChargingScheduleAllowedChargingRateUnit", ""), ("SmartChargingCtrlr", "RateUnit", "")],
}
_UNITS = {"Current": "A", "Power": "W", "A": "A", "W": "W"}
_PURPOSES = {"PriorityCharging": "priority", "LocalGeneration": "local_generation"}
_SAID = Lookup(
    Setting,
    by=["charger_id", "component", "name"],
    also="t.attribute = 'Actual' AND t.is_known AND t.value <> ''",
    only=["charger_id", "value"],
)
_FEATURES = {"DynamicProfiles": "dynamic", "UseLocalTime": "local_time", "RandomizedDelay": "random_delay"}


def of(charger: Charger) -> Abilities:
    """What it said when it was asked for its settings; one that was never asked may be anything."""
    told = Setting.objects.filter(charger=charger, attribute="Actual", is_known=True).exclude(value="")
    rows = told.filter(component__in=["", "SmartChargingCtrlr", "ChargingStation"])
    by_place = {(row.component, row.name, row.instance): row.value for row in rows}

    def said(field: str) -> str:
        return next((by_place[place] for place in _PLACES[field] if place in by_place), "")

    units = {_UNITS[unit] for unit in _listed(said("units")) if unit in _UNITS}
    purposes = _listed(by_place.get(("SmartChargingCtrlr", "SupportedAdditionalPurposes", ""), ""))
    external = _whole(by_place.get(("SmartChargingCtrlr", "MaxExternalConstraintsId", ""), ""))
    return Abilities(
        most_stack_level=_whole(said("most_stack_level")),
        most_periods=_whole(said("most_periods")),
        most_profiles=_whole(said("most_profiles")),
        units=frozenset(units) or None,
        additional_purposes=frozenset(_PURPOSES.get(name, name) for name in purposes) or None,
        features={
            ours: by_place[("SmartChargingCtrlr", "SupportsFeature", theirs)].lower() == "true"
            for theirs, ours in _FEATURES.items()
            if ("SmartChargingCtrlr", "SupportsFeature", theirs) in by_place
        },
        least_profile_id=None if external is None else external + 1,
        phases=_whole(by_place.get(("ChargingStation", "SupplyPhases", ""), "")) or 3,
    )


def without_amperes(charger_ids: Collection[int]) -> frozenset[int]:
    """Those of the chargers that said they take limits in watts only."""
    places = [(component, name) for component, name, _ in _PLACES["units"]]
    said = _SAID([(pk, *place) for pk in charger_ids for place in places])
    return frozenset(row.charger_id for row in said if {_UNITS.get(unit) for unit in _listed(row.value)} == {"W"})


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def wrong_with(charger: Charger, profile: Profile, *, is_start: bool = False) -> list[Objection]:
    """What the specification of its version has against giving this profile to a charger now."""
    running = ChargingSession.objects.filter(charger=charger, stopped_at=None, is_superseded=False)
    case = Case(
        profile=profile,
        version=charger.ocpp_version,
        abilities=of(charger),
        installed=[as_profile(row) for row in InstalledProfile.objects.filter(charger=charger)],
        running=dict(running.values_list("evse_id", "transaction_id")),
        is_start=is_start,
    )
    return objections(case)


def as_profile(row: InstalledProfile) -> Profile:
    """A stored profile as the pure modules take it."""
    return Profile(
        profile_id=row.profile_id,
        stack_level=row.stack_level,
        purpose=row.purpose,
        kind=row.kind,
        recurrency=row.recurrency,
        transaction_id=row.transaction_id,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        schedules=row.schedules,
        evse_id=row.evse_id,
        max_offline_s=row.max_offline_s,
    )
