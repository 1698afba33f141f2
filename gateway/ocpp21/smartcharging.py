"""Charging profiles, dynamic ones and those with priority. OCPP 2.1 part 2, K and Q.

The words of a period that 2.1 adds keep their exact spelling on the wire (``limit_L2``); ours are all lower case.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from chargers.models import Command
from gateway import profiles as words
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable, Wording
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201 import remote
from gateway.ocpp201 import smartcharging as older
from gateway.ocpp201.words import PURPOSE, PURPOSE_SINCE_21
from gateway.wire import need, need_number, said, small, text
from smartcharging import profiles

KIND = words.KIND | {"dynamic": "Dynamic"}


@dialect.sends("set_profile")
def set_profile(command: Command) -> tuple[str, Payload]:
    """K01, K28; ``kind`` dynamic: one period, which `update_schedule` changes."""
    return older.set_profile(_with_profile(command, need(command, "profile")))


@dialect.sends("remote_start")
def remote_start(command: Command) -> tuple[str, Payload]:
    """F01, F02."""
    profile = command.arguments.get("profile")
    return remote.remote_start(_with_profile(command, profile) if profile else command)


def _with_profile(command: Command, profile: dict[str, Any]) -> Command:
    """The same command with its profile in the specification's words, which 2.0.1's wordings pass untouched."""
    worded = copy(command)
    worded.arguments = {**command.arguments, "profile": _in_words(command, profile)}
    return worded


def _in_words(command: Command, profile: dict[str, Any]) -> Payload:
    if "chargingProfilePurpose" in profile:
        return profile
    profile_id = words.whole_in(command, profile, "id")
    schedule = words.schedule_in_words(command, profile, words.POWERS, needs_start=True)
    return {
        "id": profile_id,
        **words.common_in_words(command, profile, PURPOSE | PURPOSE_SINCE_21, KIND),
        **said(
            transactionId=words.transaction_of(command, profile) or None,
            dynUpdateInterval=small(profile.get("update_interval_s")),
            maxOfflineDuration=small(profile.get("max_offline_s")),
        ),
        "chargingSchedule": [{"id": profile_id, **schedule}],
    }


@dialect.sends("clear_profiles")
def clear_profiles(command: Command) -> tuple[str, Payload]:
    """K10. An id stands alone."""
    is_by_id = command.arguments.get("profile_id") not in (None, "")
    return _by_purpose(command, older.clear_profiles, criteria=None if is_by_id else "chargingProfileCriteria")


@dialect.sends("list_profiles")
def list_profiles(command: Command) -> tuple[str, Payload]:
    """K09."""
    return _by_purpose(command, older.list_profiles, criteria="chargingProfile")


def _by_purpose(command: Command, word: Wording, *, criteria: str | None) -> tuple[str, Payload]:
    """As 2.0.1 words it, with a purpose that only 2.1 knows among the ``criteria``."""
    theirs = PURPOSE_SINCE_21.get(str(command.arguments.get("purpose")))
    if theirs is None:
        return word(command)
    rest = copy(command)
    rest.arguments = {name: value for name, value in command.arguments.items() if name != "purpose"}
    action, payload = word(rest)
    if criteria:
        payload[criteria] = {**payload.get(criteria, {}), "chargingProfilePurpose": theirs}
    return action, payload


# -- dynamic profiles --------------------------------------------------------------------------------------------------


@dialect.sends("update_schedule")
def update_schedule(command: Command) -> tuple[str, Payload]:
    """K28: new powers for the one period of a dynamic profile; kept in memory by the station, no flash is worn."""
    update = words.powers_in_words(command, command.arguments, words.POWERS)
    if not update:
        raise Unspeakable(f"'update_schedule' needs at least one of {', '.join(words.POWERS)}.")
    return "UpdateDynamicSchedule", {
        "chargingProfileId": need_number(command, "profile_id"),
        "scheduleUpdate": update,
    }


@dialect.means("UpdateDynamicSchedule")
def update_meant(payload: Payload) -> dict[str, Any]:
    update = payload.get("scheduleUpdate")
    powers = words.our_powers(update) if isinstance(update, dict) else {}
    return {"profile_id": small(payload.get("chargingProfileId")) or 0, **powers}


@dialect.answers("UpdateDynamicSchedule")
def schedule_updated(command: Command, answer: Payload, call: Call) -> None:
    profile_id, update = small(command.payload.get("chargingProfileId")), command.payload.get("scheduleUpdate")
    if answer.get("status") == "Accepted" and profile_id is not None and isinstance(update, dict):
        profiles.update_powers(call.charger, profile_id, words.our_powers(update), at=call.at)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.handles("PullDynamicScheduleUpdate")
def pull_dynamic_schedule_update(call: Call) -> Payload:
    """K29: what the one period of a dynamic profile should be now: what we know that it is."""
    powers = profiles.powers_of(call.charger, small(call.payload.get("chargingProfileId")) or 0)
    if powers is None:
        why = {"reasonCode": "UnknownProfile", "additionalInfo": "We know of no dynamic profile with this id."}
        return {"status": "Rejected", "statusInfo": why}
    update = {theirs: powers[ours] for ours, theirs in words.POWERS.items() if ours in powers}
    return {"status": "Accepted", "scheduleUpdate": update}


# -- priority and bidirectional charging -------------------------------------------------------------------------------


@dialect.sends("use_priority")
def use_priority(command: Command) -> tuple[str, Payload]:
    """K21, K22: charge a running session by the profile for priority, or no longer."""
    return "UsePriorityCharging", {
        "transactionId": remote.transaction_name(command),
        "activate": bool(need(command, "is_active")),
    }


@dialect.handles("NotifyPriorityCharging")
def notify_priority_charging(call: Call) -> Payload:
    """K22: somebody at the station asked for priority, or gave it up."""
    call.books.notices.add(
        call.charger, "priority_charging", call.payload, key=text(call.payload.get("transactionId")), at=call.at
    )
    call.books.changed_chargers.add(call.charger.pk)
    return {}


@dialect.sends("allow_energy_transfer")
def allow_energy_transfer(command: Command) -> tuple[str, Payload]:
    """Q02: the ways in which a session may take, and give, energy: ``["DC", "DC_BPT"]``."""
    return "NotifyAllowedEnergyTransfer", {
        "transactionId": remote.transaction_name(command),
        "allowedEnergyTransfer": need(command, "transfers"),
    }
