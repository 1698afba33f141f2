"""What all OCPP versions say alike about charging schedules, in their words and in ours."""

from __future__ import annotations

from typing import Any

from chargers.models import Command
from gateway.dialect import Payload, Unspeakable
from gateway.wire import dicts, moment, one_of, said, small, text
from sessions.models import ChargingSession

KIND = {"absolute": "Absolute", "recurring": "Recurring", "relative": "Relative"}
RECURRENCY = {"daily": "Daily", "weekly": "Weekly"}


def common_in_words(command: Command, profile: dict[str, Any], purposes: dict[str, str]) -> Payload:
    """The fields of a ChargingProfile but its id, schedule and transaction. Raises Unspeakable."""
    recurrency = profile.get("recurrency")
    return said(
        stackLevel=whole_in(command, profile, "stack_level"),
        chargingProfilePurpose=one_of(command, "purpose", purposes, profile.get("purpose")),
        chargingProfileKind=one_of(command, "kind", KIND, profile.get("kind", "absolute")),
        recurrencyKind=one_of(command, "recurrency", RECURRENCY, recurrency) if recurrency else None,
        validFrom=moment(command, profile.get("valid_from"), "valid_from"),
        validTo=moment(command, profile.get("valid_to"), "valid_to"),
    )


def schedule_in_words(command: Command, profile: dict[str, Any]) -> Payload:
    """A ChargingSchedule from the fields of `set_profile`. Limits have one decimal, as both versions demand."""
    periods = [
        said(
            startPeriod=whole_in(command, period, "start_s"),
            limit=round(float(period["limit"]), 1),
            numberPhases=small(period.get("phases")),
        )
        for period in dicts(profile.get("periods"))
        if period.get("limit") is not None
    ]
    if not periods:
        raise Unspeakable("A charging profile needs at least one period with a limit.")
    min_rate = profile.get("min_rate")
    return said(
        chargingRateUnit=one_of(command, "unit", {"A": "A", "W": "W"}, profile.get("unit", "A")),
        chargingSchedulePeriod=periods,
        duration=small(profile.get("duration_s")),
        startSchedule=moment(command, profile.get("start_at"), "start_at"),
        minChargingRate=round(float(min_rate), 1) if min_rate not in (None, "") else None,
    )


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
    """A ChargingSchedule in our words, see `smartcharging.profiles.Profile`."""
    periods = [
        said(
            start_s=small(period.get("startPeriod")),
            limit=period.get("limit"),
            phases=small(period.get("numberPhases")),
        )
        for period in dicts(schedule.get("chargingSchedulePeriod"))
    ]
    return said(
        unit=text(schedule.get("chargingRateUnit")),
        periods=periods,
        duration_s=small(schedule.get("duration")),
        start_at=text(schedule.get("startSchedule")) or None,
        min_rate=schedule.get("minChargingRate"),
    )
