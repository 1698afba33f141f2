"""Charging profiles. OCPP 2.0.1 part 2, K."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chargers import clocks
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import PURPOSE, PURPOSE_SINCE_21, request_id
from gateway.profiles import (
    common_in_words,
    composite_told,
    meant,
    our_schedule,
    require_valid,
    schedule_in_words,
    transaction_of,
    whole_in,
)
from gateway.wire import dicts, need, need_number, number, one_of, plug, said, small, text
from smartcharging import profiles
from smartcharging.schedules import Profile

OUR_PURPOSE = {theirs: ours for ours, theirs in (PURPOSE | PURPOSE_SINCE_21).items()}


@dialect.sends("set_profile")
def set_profile(command: Command) -> tuple[str, Payload]:
    """K01."""
    profile = profile_in_words(command, need(command, "profile"))
    evse_id = need_number(command, "evse_id")
    require_valid(command, replace(_profile(profile), evse_id=evse_id))
    return "SetChargingProfile", {"evseId": evse_id, "chargingProfile": profile}


def profile_in_words(command: Command, profile: dict[str, Any]) -> Payload:
    """ChargingProfileType; a profile that is already in the specification's words passes untouched."""
    if "chargingProfilePurpose" in profile:
        return profile
    profile_id = whole_in(command, profile, "id")
    return {
        "id": profile_id,
        **common_in_words(command, profile, PURPOSE),
        **said(transactionId=transaction_of(command, profile) or None),
        # The schedule needs an id of its own; each profile of ours has one schedule.
        "chargingSchedule": [{"id": profile_id, **schedule_in_words(command, profile, needs_start=True)}],
    }


@dialect.answers("SetChargingProfile")
def profile_taken(command: Command, answer: Payload, call: Call) -> None:
    told = command.payload.get("chargingProfile")
    if answer.get("status") != "Accepted" or not isinstance(told, dict):
        return
    evse_id = plug(command.payload.get("evseId")) or 0
    profiles.install(call.charger, _profile(told), evse_id=evse_id, command=command, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)


@dialect.means("SetChargingProfile")
def profile_meant(payload: Payload) -> dict[str, Any]:
    return meant(profile_in_ours(payload.get("chargingProfile")), evse_id=payload.get("evseId"))


def profile_in_ours(told: object) -> Profile:
    return _profile(told if isinstance(told, dict) else {})


@dialect.sends("list_profiles")
def list_profiles(command: Command) -> tuple[str, Payload]:
    """K09; they come in ReportChargingProfiles. ``source`` in the specification's word: EMS, SO, CSO, Other."""
    purpose, profile_id = command.arguments.get("purpose"), number(command, "profile_id")
    source = command.arguments.get("source")
    wanted = said(
        chargingProfilePurpose=one_of(command, "purpose", PURPOSE, purpose) if purpose else None,
        stackLevel=number(command, "stack_level"),
        chargingProfileId=[profile_id] if profile_id is not None else None,
        chargingLimitSource=[source] if source else None,
    )
    return "GetChargingProfiles", said(
        requestId=request_id(command), evseId=number(command, "evse_id"), chargingProfile=wanted
    )


@dialect.answers("GetChargingProfiles")
def profiles_counted(command: Command, answer: Payload, call: Call) -> None:
    """What it holds adds to what we know; if it holds none at all, we know nothing."""
    is_of_all = "evseId" not in command.payload and not command.payload.get("chargingProfile")
    if is_of_all and answer.get("status") == "NoProfiles":
        profiles.remove(call.charger)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.handles("ReportChargingProfiles")
def report_charging_profiles(call: Call) -> Payload:
    """K09: what a station holds on one EVSE, by its own word; it adds to what we know."""
    evse_id = plug(call.payload.get("evseId")) or 0
    for told in dicts(call.payload.get("chargingProfile")):
        profiles.install(call.charger, _profile(told), evse_id=evse_id, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {}


def _profile(told: dict[str, Any]) -> Profile:
    purpose = text(told.get("chargingProfilePurpose"))
    return Profile(
        profile_id=small(told.get("id")) or 0,
        stack_level=small(told.get("stackLevel")) or 0,
        purpose=OUR_PURPOSE.get(purpose, purpose),
        kind=text(told.get("chargingProfileKind")).lower(),
        recurrency=text(told.get("recurrencyKind")).lower(),
        transaction_id=text(told.get("transactionId")),
        valid_from=clocks.parse(told.get("validFrom")),
        valid_to=clocks.parse(told.get("validTo")),
        schedules=[our_schedule(schedule) for schedule in dicts(told.get("chargingSchedule"))],
        max_offline_s=_not_negative(told.get("maxOfflineDuration")),
    )


def _not_negative(value: object) -> int | None:
    """A duration; the schema lets it be negative, which says nothing."""
    number = small(value)
    return number if number is not None and number >= 0 else None


@dialect.sends("clear_profiles")
def clear_profiles(command: Command) -> tuple[str, Payload]:
    """K10. An id stands alone; criteria are for those without one."""
    profile_id, purpose = number(command, "profile_id"), command.arguments.get("purpose")
    if profile_id is not None:
        return "ClearChargingProfile", {"chargingProfileId": profile_id}
    criteria = said(
        evseId=number(command, "evse_id"),
        chargingProfilePurpose=one_of(command, "purpose", PURPOSE, purpose) if purpose else None,
        stackLevel=number(command, "stack_level"),
    )
    return "ClearChargingProfile", said(chargingProfileCriteria=criteria or None)


@dialect.answers("ClearChargingProfile")
def profiles_cleared(command: Command, answer: Payload, call: Call) -> None:
    """Unknown means that it has none that matches, so what we remember of them is wrong."""
    if answer.get("status") not in ("Accepted", "Unknown"):
        return
    criteria = command.payload.get("chargingProfileCriteria") or {}
    purpose = text(criteria.get("chargingProfilePurpose"))
    profiles.remove(
        call.charger,
        profile_id=small(command.payload.get("chargingProfileId")),
        evse_id=plug(criteria.get("evseId")) if "evseId" in criteria else None,
        purpose=OUR_PURPOSE.get(purpose, purpose) or None,
        stack_level=small(criteria.get("stackLevel")),
    )
    call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("composite_schedule")
def composite_schedule(command: Command) -> tuple[str, Payload]:
    """K08."""
    return "GetCompositeSchedule", said(
        evseId=need_number(command, "evse_id"),
        duration=need_number(command, "duration_s"),
        chargingRateUnit=command.arguments.get("unit") or None,
    )


@dialect.answers("GetCompositeSchedule")
def composite_answered(command: Command, answer: Payload, call: Call) -> None:
    told = answer.get("schedule") if answer.get("status") == "Accepted" else None
    schedule = told if isinstance(told, dict) else None
    composite_told(command, schedule, begins=(schedule or {}).get("scheduleStart"), call=call)
