"""Smart charging as OCPP 2.0.1 writes it (part 2, K): profiles in, profiles and composite schedules out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from math import inf

from gateway.simulator import schedules
from gateway.simulator.calls import Call, Kind, Payload
from gateway.simulator.charger import Charger
from gateway.simulator.dialect import Agent, wire_time
from gateway.simulator.profiles import EXTERNAL, STATION_MAX, TX, TX_DEFAULT, Profile

PURPOSES = {
    "ChargingStationExternalConstraints": EXTERNAL,
    "ChargingStationMaxProfile": STATION_MAX,
    "TxDefaultProfile": TX_DEFAULT,
    "TxProfile": TX,
}


def read_profile(charger: Charger, evse_id: int, profile: Payload) -> Profile:
    """A profile from the wire; of several schedules the first counts. Raises KeyError, IndexError or ValueError."""
    schedule = profile["chargingSchedule"][0]
    return schedules.read_profile(
        profile,
        schedule,
        number=evse_id,
        profile_id=profile["id"],
        purpose=PURPOSES[profile["chargingProfilePurpose"]],
        session_id=profile.get("transactionId"),
        now=charger.agenda.now(),
    )


def set_charging_profile(agent: Agent, payload: Payload) -> Payload:
    charger = agent.charger
    profile = read_profile(charger, payload["evseId"], payload["chargingProfile"])
    if (reason := why_not(charger, profile)) is not None:
        return {"status": "Rejected", "statusInfo": {"reasonCode": reason}}
    charger.profiles.install(profile)
    charger.limits_changed()
    return {"status": "Accepted"}


def why_not(charger: Charger, profile: Profile) -> str | None:
    """Reason code for a profile that cannot be installed; None if it can."""
    settings, connector = charger.settings, charger.connector(profile.number)
    session = connector.session if connector else None
    rules: list[tuple[str, bool]] = [
        ("UnknownEvse", connector is None and profile.number != 0),
        ("InvalidProfile", profile.purpose == EXTERNAL),  # K01.FR.22
        ("InvalidProfile", profile.purpose == STATION_MAX and profile.number != 0),  # K01.FR.04
        ("InvalidSchedule", not profile.periods or profile.periods[0].start_s != 0),  # K01.FR.31
        ("InvalidSchedule", profile.kind != "Relative" and profile.start_at is None),  # K01.FR.40
        ("InvalidSchedule", profile.kind == "Relative" and profile.start_at is not None),  # K01.FR.41
        ("InvalidStackLevel", not 0 <= profile.stack_level <= settings.number("stack_levels")),
        ("TooManyPeriods", len(profile.periods) > settings.number("schedule_periods")),
        ("TxNotFound", profile.purpose == TX and (session is None or session.wire_id != profile.session_id)),
        ("DuplicateProfile", any(_clashes(profile, other) for other in charger.profiles)),
        ("TooManyProfiles", len(charger.profiles) >= settings.number("profiles_installed")),
    ]
    return next((reason for reason, is_broken in rules if is_broken), None)


def _clashes(profile: Profile, other: Profile) -> bool:
    """Another profile in the same place of the stack, valid at the same time (K01.FR.06, 39, 52, 53)."""
    if profile.id == other.id or profile.session_id != other.session_id:
        return False
    place = (profile.number, profile.purpose, profile.stack_level)
    if place != (other.number, other.purpose, other.stack_level):
        return False
    begins = max(profile.valid_from or -inf, other.valid_from or -inf)
    return begins < min(profile.valid_to or inf, other.valid_to or inf)


def _meant(criteria: Payload, number: int | None, ids: list[int] | None) -> Callable[[Profile], bool]:
    purpose = PURPOSES[criteria["chargingProfilePurpose"]] if "chargingProfilePurpose" in criteria else None

    def is_meant(profile: Profile) -> bool:
        return (
            number in (None, profile.number)
            and (ids is None or profile.id in ids)
            and purpose in (None, profile.purpose)
            and criteria.get("stackLevel") in (None, profile.stack_level)
        )

    return is_meant


def clear_charging_profile(agent: Agent, payload: Payload) -> Payload:
    criteria = payload.get("chargingProfileCriteria", {})
    ids = [payload["chargingProfileId"]] if "chargingProfileId" in payload else None
    count = agent.charger.profiles.remove(_meant(criteria, criteria.get("evseId"), ids))
    agent.charger.limits_changed()
    return {"status": "Accepted" if count else "Unknown"}


def get_charging_profiles(agent: Agent, payload: Payload) -> Payload:
    criteria = payload["chargingProfile"]
    is_meant = _meant(criteria, payload.get("evseId"), criteria.get("chargingProfileId"))
    found = [profile for profile in agent.charger.profiles if is_meant(profile)]
    if not found or "CSO" not in criteria.get("chargingLimitSource", ["CSO"]):
        return {"status": "NoProfiles"}
    for call in _reports(payload["requestId"], found):
        agent.queue(call)
    return {"status": "Accepted"}


def _reports(request_id: int, found: list[Profile]) -> Iterator[Call]:
    """One ReportChargingProfiles per EVSE; all but the last say that more is to come."""
    groups = [(number, list(group)) for number, group in groupby(sorted(found, key=_number_of), key=_number_of)]
    for position, (number, profiles) in enumerate(groups, 1):
        yield Call(
            "ReportChargingProfiles",
            {
                "requestId": request_id,
                "chargingLimitSource": "CSO",
                "evseId": number,
                "chargingProfile": [profile.raw for profile in profiles],
                "tbc": position < len(groups),
            },
            Kind.TRIGGERED,
        )


def _number_of(profile: Profile) -> int:
    return profile.number


def get_composite_schedule(agent: Agent, payload: Payload) -> Payload:
    charger, number, duration_s = agent.charger, payload["evseId"], payload["duration"]
    connector = charger.connector(number)
    if number != 0 and connector is None:
        return {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownEvse"}}
    unit = payload.get("chargingRateUnit", "W")
    periods = schedules.composite_periods(charger, number, duration_s, unit)
    return {
        "status": "Accepted",
        "schedule": {
            "evseId": number,
            "duration": duration_s,
            "scheduleStart": wire_time(charger.agenda.now()),
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods,
        },
    }
