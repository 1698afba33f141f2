"""Smart charging as OCPP 1.6 writes it (§3.13, §5.7, §5.16): profiles in, composite schedules out."""

from __future__ import annotations

from gateway.simulator import schedules
from gateway.simulator.calls import Payload
from gateway.simulator.charger import Charger
from gateway.simulator.dialect import Agent, wire_time
from gateway.simulator.profiles import STATION_MAX, TX, TX_DEFAULT, Profile

PURPOSES = {"ChargePointMaxProfile": STATION_MAX, "TxDefaultProfile": TX_DEFAULT, "TxProfile": TX}


def read_profile(charger: Charger, number: int, profile: Payload) -> Profile:
    """A profile from the wire. Raises KeyError or ValueError for one that cannot be read."""
    schedule = profile["chargingSchedule"]
    transaction_id = profile.get("transactionId")
    return schedules.read_profile(
        profile,
        schedule,
        number=number,
        profile_id=profile["chargingProfileId"],
        purpose=PURPOSES[profile["chargingProfilePurpose"]],
        session_id=None if transaction_id is None else str(transaction_id),
        now=charger.agenda.now(),
    )


def set_charging_profile(agent: Agent, payload: Payload) -> Payload:
    charger, number = agent.charger, payload["connectorId"]
    profile = read_profile(charger, number, payload["csChargingProfiles"])
    if not _is_installable(charger, profile):
        return {"status": "Rejected"}
    charger.profiles.install(profile)
    charger.limits_changed()
    return {"status": "Accepted"}


def _is_installable(charger: Charger, profile: Profile) -> bool:
    settings, connector = charger.settings, charger.connector(profile.number)
    if (
        not profile.periods
        or profile.periods[0].start_s != 0
        or len(profile.periods) > settings.number("schedule_periods")
    ):
        return False
    if not 0 <= profile.stack_level <= settings.number("stack_levels") or (connector is None and profile.number != 0):
        return False
    if len(charger.profiles) >= settings.number("profiles_installed"):
        return False
    match profile.purpose:
        case "station_max":
            return profile.number == 0
        case "tx":
            session = connector.session if connector else None
            return session is not None and profile.session_id in (None, session.wire_id)
        case _:
            return True


def clear_charging_profile(agent: Agent, payload: Payload) -> Payload:
    """An id goes before the criteria; no field at all clears everything (§5.16)."""
    purpose = PURPOSES[payload["chargingProfilePurpose"]] if "chargingProfilePurpose" in payload else None

    def is_meant(profile: Profile) -> bool:
        if "id" in payload:
            return bool(profile.id == payload["id"])
        return (
            payload.get("connectorId") in (None, profile.number)
            and payload.get("stackLevel") in (None, profile.stack_level)
            and purpose in (None, profile.purpose)
        )

    count = agent.charger.profiles.remove(is_meant)
    agent.charger.limits_changed()
    return {"status": "Accepted" if count else "Unknown"}


def get_composite_schedule(agent: Agent, payload: Payload) -> Payload:
    charger, number, duration_s = agent.charger, payload["connectorId"], payload["duration"]
    if number != 0 and charger.connector(number) is None:
        return {"status": "Rejected"}
    unit = payload.get("chargingRateUnit", "W")
    start = wire_time(charger.agenda.now())
    periods = schedules.composite_periods(charger, number, duration_s, unit)
    return {
        "status": "Accepted",
        "connectorId": number,
        "scheduleStart": start,
        "chargingSchedule": {
            "duration": duration_s,
            "startSchedule": start,
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods,
        },
    }
