"""Charging profiles and composite schedules, as far as all versions write them alike."""

from __future__ import annotations

from gateway.simulator.calls import Payload
from gateway.simulator.charger import Charger
from gateway.simulator.connector import GRID_V
from gateway.simulator.dialect import epoch
from gateway.simulator.limits import composite_w
from gateway.simulator.profiles import RECURRENCE_S, Period, Profile


def read_profile(
    told: Payload, schedule: Payload, *, number: int, profile_id: int, purpose: str, session_id: str | None, now: float
) -> Profile:
    """A profile from the wire. Raises KeyError or ValueError for one that cannot be read."""
    return Profile(
        id=profile_id,
        number=number,
        purpose=purpose,
        stack_level=told["stackLevel"],
        kind=told["chargingProfileKind"],
        recurrence_s=RECURRENCE_S.get(told.get("recurrencyKind", "")),
        unit=schedule["chargingRateUnit"],
        periods=tuple(
            Period(p["startPeriod"], p["limit"], p.get("numberPhases")) for p in schedule["chargingSchedulePeriod"]
        ),
        start_at=_moment(schedule, "startSchedule"),
        duration_s=schedule.get("duration"),
        valid_from=_moment(told, "validFrom"),
        valid_to=_moment(told, "validTo"),
        session_id=session_id,
        installed_at=now,
        raw=told,
    )


def composite_periods(charger: Charger, number: int, duration_s: float, unit: str) -> list[Payload]:
    """What profiles and limits come to from now on."""
    connector = charger.connector(number)
    phases = connector.supply.phases if connector else 3
    divisor = GRID_V * phases if unit == "A" else 1.0
    return [
        {"startPeriod": round(offset_s), "limit": round(limit_w / divisor, 1), "numberPhases": phases}
        for offset_s, limit_w in composite_w(charger, number, duration_s)
    ]


def _moment(payload: Payload, key: str) -> float | None:
    return epoch(payload[key]) if key in payload else None
