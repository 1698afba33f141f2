"""What all OCPP versions say alike about charging schedules, in their words and in ours."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from chargers import clocks
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.wire import dicts, moment, one_of, plug, said, small, text
from sessions.models import ChargingSession
from sessions.units import as_number
from smartcharging import abilities, profiles, readback
from smartcharging.schedules import Profile

KIND = {"absolute": "Absolute", "recurring": "Recurring", "relative": "Relative"}
RECURRENCY = {"daily": "Daily", "weekly": "Weekly"}
# What a period of 2.1 says besides, and in place of, its limit: ours → theirs. Amperes or watts; reactive in var.
POWERS = {
    f"{ours}{phase.lower()}": f"{theirs}{phase}"
    for ours, theirs in (
        ("limit", "limit"),
        ("discharge_limit", "dischargeLimit"),
        ("setpoint", "setpoint"),
        ("setpoint_reactive", "setpointReactive"),
    )
    for phase in ("", "_L2", "_L3")
}


def common_in_words(
    command: Command, profile: dict[str, Any], purposes: dict[str, str], kinds: dict[str, str] = KIND
) -> Payload:
    """The fields of a ChargingProfile but its id, schedule and transaction. Raises Unspeakable."""
    recurrency = profile.get("recurrency")
    return said(
        stackLevel=whole_in(command, profile, "stack_level"),
        chargingProfilePurpose=one_of(command, "purpose", purposes, profile.get("purpose")),
        chargingProfileKind=one_of(command, "kind", kinds, profile.get("kind", "absolute")),
        recurrencyKind=one_of(command, "recurrency", RECURRENCY, recurrency) if recurrency else None,
        validFrom=moment(command, profile.get("valid_from"), "valid_from"),
        validTo=moment(command, profile.get("valid_to"), "valid_to"),
    )


def schedule_in_words(
    command: Command, profile: dict[str, Any], powers: dict[str, str] | None = None, *, needs_start: bool = False
) -> Payload:
    """A ChargingSchedule from the fields of `set_profile`. Limits have one decimal, as all versions demand.

    ``powers``: what a period may say of power in this version, as `POWERS`; a limit alone if not given.
    ``needs_start``: an absolute schedule must say when it starts (K01.FR.40); without a word it is now.
    """
    start_at = profile.get("start_at")
    if needs_start and not start_at and profile.get("kind", "absolute") == "absolute":
        start_at = timezone.now().isoformat()
    told = [
        (period, powers_in_words(command, period, powers or {"limit": "limit"}))
        for period in dicts(profile.get("periods"))
    ]
    periods = [
        {
            "startPeriod": whole_in(command, period, "start_s"),
            **power,
            **said(numberPhases=small(period.get("phases")), phaseToUse=small(period.get("phase_to_use"))),
            **(said(operationMode=period.get("operation_mode") or None) if powers else {}),
        }
        for period, power in told
        if power
    ]
    if not periods:
        raise Unspeakable("A charging profile needs at least one period with a limit.")
    min_rate = profile.get("min_rate")
    return said(
        chargingRateUnit=one_of(command, "unit", {"A": "A", "W": "W"}, profile.get("unit", "A")),
        chargingSchedulePeriod=periods,
        duration=small(profile.get("duration_s")),
        startSchedule=moment(command, start_at, "start_at"),
        minChargingRate=round(float(min_rate), 1) if min_rate not in (None, "") else None,
        **(_since_21(profile) if powers else {}),
    )


def _since_21(profile: dict[str, Any]) -> Payload:
    return said(
        useLocalTime=bool(profile.get("use_local_time")) or None, randomizedDelay=small(profile.get("random_delay_s"))
    )


def powers_in_words(command: Command, given: dict[str, Any], powers: dict[str, str]) -> Payload:
    """Those of ``powers`` that are given, with one decimal. Raises Unspeakable."""
    said_in_words = {}
    for ours, theirs in powers.items():
        if given.get(ours) in (None, ""):
            continue
        value = as_number(given[ours])
        if value is None:
            raise Unspeakable(f"{ours!r} of {command.verb!r} is {given[ours]!r}; it must be a number.")
        said_in_words[theirs] = round(value, 1)
    return said_in_words


def our_powers(period: dict[str, Any]) -> dict[str, Any]:
    """What a period says of power, under our names."""
    return {ours: period[theirs] for ours, theirs in POWERS.items() if theirs in period}


def meant(profile: Profile, *, evse_id: object) -> dict[str, Any]:
    """A profile of a raw order in the arguments of ``set_profile``: so plans of its site count it before it is held."""
    told = {
        "id": profile.profile_id,
        "stack_level": profile.stack_level,
        "purpose": profile.purpose,
        "kind": profile.kind,
        "schedules": profile.schedules,
    }
    return {"evse_id": plug(evse_id) or 0, "profile": told}


def taken_along(command: Command, answer: Payload, profile: Profile, *, evse_id: object, call: Call) -> None:
    """A remote start was accepted, and its profile with it: it holds for the session that is to come."""
    if answer.get("status") == "Accepted":
        profiles.install(call.charger, profile, evse_id=plug(evse_id) or 0, command=command, at=call.at)
        call.books.changed_chargers.add(call.charger.pk)


def require_valid(command: Command, profile: Profile, *, is_start: bool = False) -> None:
    """What the specification has against a profile is said here, not learnt from the charger. Raises Unspeakable."""
    found = abilities.wrong_with(command.charger, profile, is_start=is_start)
    if found:
        raise Unspeakable(" ".join(map(str, found)))


def transaction_of(command: Command, profile: dict[str, Any]) -> str:
    """The charger's id of the session that a profile is for; "" if it is for none. Raises Unspeakable."""
    named, pk = profile.get("transaction_id"), profile.get("session_id")
    if named not in (None, "") or pk in (None, ""):
        return text(named)
    session = ChargingSession.objects.filter(pk=small(pk) or 0, charger=command.charger_id).first()
    if session is None:
        raise Unspeakable(f"Session {pk} is not one of charger {command.charger.identity!r}.")
    return session.transaction_id


def whole_in(command: Command, given: dict[str, Any], name: str) -> int:
    """A whole number of a profile or period, 0 if absent. Raises Unspeakable."""
    value = small(given.get(name, 0))
    if value is None:
        raise Unspeakable(f"{name!r} of {command.verb!r} is {given.get(name)!r}; it must be a whole number.")
    return value


def our_schedule(schedule: dict[str, Any]) -> dict[str, Any]:
    """A ChargingSchedule in our words, see `smartcharging.schedules.Profile`."""
    periods = [
        said(
            start_s=small(period.get("startPeriod")),
            phases=small(period.get("numberPhases")),
            phase_to_use=small(period.get("phaseToUse")),
            operation_mode=text(period.get("operationMode")) or None,
            **our_powers(period),
        )
        for period in dicts(schedule.get("chargingSchedulePeriod"))
    ]
    return said(
        unit=text(schedule.get("chargingRateUnit")),
        periods=periods,
        duration_s=small(schedule.get("duration")),
        start_at=text(schedule.get("startSchedule")) or None,
        min_rate=schedule.get("minChargingRate"),
        use_local_time=schedule.get("useLocalTime") or None,
        random_delay_s=small(schedule.get("randomizedDelay")),
    )


def composite_told(command: Command, schedule: dict[str, Any] | None, *, begins: object, call: Call) -> None:
    """A charger said what it may draw; None: it would not. ``begins``: scheduleStart as told."""
    readback.composite_told(
        command,
        evse_id=plug(command.payload.get("connectorId", command.payload.get("evseId"))) or 0,
        schedule=None if schedule is None else our_schedule(schedule),
        begins_at=clocks.parse(begins),
        at=call.at,
    )
    call.books.changed_chargers.add(call.charger.pk)
