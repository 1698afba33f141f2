"""Charging profiles. OCPP 1.6 §3.13, §5.5, §5.6, §5.16."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chargers import clocks
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.ocpp16.words import PURPOSE
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
from gateway.wire import need, need_number, number, one_of, plug, said, small, text
from smartcharging import profiles
from smartcharging.schedules import Profile

OUR_PURPOSE = {theirs: ours for ours, theirs in PURPOSE.items()}


@dialect.sends("set_profile")
def set_profile(command: Command) -> tuple[str, Payload]:
    profile = profile_in_words(command, need(command, "profile"))
    evse_id = need_number(command, "evse_id")
    require_valid(command, replace(_profile(profile), evse_id=evse_id))
    return "SetChargingProfile", {"connectorId": evse_id, "csChargingProfiles": profile}


def profile_in_words(command: Command, profile: dict[str, Any]) -> Payload:
    """A profile as §7.8 wants it; one that is already in the specification's words passes untouched."""
    if "chargingProfilePurpose" in profile:
        return profile
    return {
        "chargingProfileId": whole_in(command, profile, "id"),
        **common_in_words(command, profile, PURPOSE),
        **said(transactionId=small(transaction_of(command, profile))),
        "chargingSchedule": schedule_in_words(command, profile),
    }


@dialect.answers("SetChargingProfile")
def profile_taken(command: Command, answer: Payload, call: Call) -> None:
    told = command.payload.get("csChargingProfiles")
    if answer.get("status") != "Accepted" or not isinstance(told, dict):
        return
    profiles.install(
        call.charger, _profile(told), evse_id=plug(command.payload.get("connectorId")) or 0, command=command, at=call.at
    )
    call.books.changed_chargers.add(call.charger.pk)


@dialect.means("SetChargingProfile")
def profile_meant(payload: Payload) -> dict[str, Any]:
    return meant(profile_in_ours(payload.get("csChargingProfiles")), evse_id=payload.get("connectorId"))


def profile_in_ours(told: object) -> Profile:
    return _profile(told if isinstance(told, dict) else {})


def _profile(told: dict[str, Any]) -> Profile:
    schedule = told.get("chargingSchedule")
    return Profile(
        profile_id=small(told.get("chargingProfileId")) or 0,
        stack_level=small(told.get("stackLevel")) or 0,
        purpose=OUR_PURPOSE.get(text(told.get("chargingProfilePurpose")), text(told.get("chargingProfilePurpose"))),
        kind=text(told.get("chargingProfileKind")).lower(),
        recurrency=text(told.get("recurrencyKind")).lower(),
        transaction_id=text(told.get("transactionId")),
        valid_from=clocks.parse(told.get("validFrom")),
        valid_to=clocks.parse(told.get("validTo")),
        schedules=[our_schedule(schedule)] if isinstance(schedule, dict) else [],
    )


@dialect.sends("clear_profiles")
def clear_profiles(command: Command) -> tuple[str, Payload]:
    purpose = command.arguments.get("purpose")
    return "ClearChargingProfile", said(
        id=number(command, "profile_id"),
        connectorId=number(command, "evse_id"),
        chargingProfilePurpose=one_of(command, "purpose", PURPOSE, purpose) if purpose else None,
        stackLevel=number(command, "stack_level"),
    )


@dialect.answers("ClearChargingProfile")
def profiles_cleared(command: Command, answer: Payload, call: Call) -> None:
    """§6.12: Unknown means that it has none that matches, so what we remember of them is wrong."""
    if answer.get("status") not in ("Accepted", "Unknown"):
        return
    asked = command.payload
    purpose = text(asked.get("chargingProfilePurpose"))
    profiles.remove(
        call.charger,
        profile_id=small(asked.get("id")),
        evse_id=plug(asked.get("connectorId")) if "connectorId" in asked else None,
        purpose=OUR_PURPOSE.get(purpose, purpose) or None,
        stack_level=small(asked.get("stackLevel")),
    )
    call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("composite_schedule")
def composite_schedule(command: Command) -> tuple[str, Payload]:
    return "GetCompositeSchedule", said(
        connectorId=need_number(command, "evse_id"),
        duration=need_number(command, "duration_s"),
        chargingRateUnit=command.arguments.get("unit") or None,
    )


@dialect.answers("GetCompositeSchedule")
def composite_answered(command: Command, answer: Payload, call: Call) -> None:
    told = answer.get("chargingSchedule") if answer.get("status") == "Accepted" else None
    composite_told(command, told if isinstance(told, dict) else None, begins=answer.get("scheduleStart"), call=call)
