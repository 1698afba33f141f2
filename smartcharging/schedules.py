"""Charging profiles in our words, and when each of their periods holds. Pure: knows no table, no clock and no OCPP.

Moments are seconds since the epoch (UTC); a window holds on [start, end).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

DAY_S = 86_400.0
RECURRENCE_DAYS = {"daily": 1, "weekly": 7}


@dataclass(slots=True, frozen=True)
class Profile:
    """``purpose``: charger_max | tx_default | tx | external | priority | local_generation.

    ``kind``: absolute | recurring | relative | dynamic. ``schedules``: objects with "unit" ("A" or "W"), "periods"
    (list of {"start_s", "limit", "phases"?}) and, where given, "duration_s", "start_at", "min_rate". A period may
    limit phases apart ("limit_l2", "limit_l3"), discharge and set points likewise; it then may have no "limit".
    ``evse_id`` 0: the whole charger. ``max_offline_s``: how long it holds without a link (2.1); None: for ever.
    """

    profile_id: int
    stack_level: int
    purpose: str
    kind: str
    recurrency: str = ""
    transaction_id: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    schedules: list[dict[str, Any]] = field(default_factory=list)
    evse_id: int = 0
    max_offline_s: int | None = None


@dataclass(slots=True, frozen=True)
class Window:
    """A period of ``profile``, as its object in ``profile.schedules``, where it holds."""

    start: float
    end: float
    period: dict[str, Any]
    unit: str
    profile: Profile


def occurrences(
    profile: Profile, *, begin: float, end: float, session_at: float | None = None, zone: tzinfo = UTC
) -> list[float]:
    """When the profile's schedule starts: the occurrence at or before ``begin``, then all before ``end``.

    A relative schedule starts with the session, or at ``begin`` if there is none; an absolute one without a start of
    its own with its validity. A recurring one repeats both ways in time: its start says at which hour, not from when.
    Days are 24 h, unless the schedule goes by the local time of ``zone`` (2.1).
    """
    schedule = profile.schedules[0]
    if profile.kind == "relative":
        return [begin if session_at is None else session_at]
    start = moment(schedule.get("start_at"), zone if schedule.get("use_local_time") else UTC)
    if profile.kind == "dynamic":
        return [-math.inf if start is None else start]
    if start is None:
        start = profile.valid_from.timestamp() if profile.valid_from else session_at if session_at else begin
    days = RECURRENCE_DAYS.get(profile.recurrency) if profile.kind == "recurring" else None
    if days is None:
        return [start]
    if schedule.get("use_local_time"):
        return list(_by_local_time(start, days, begin, end, zone))
    step = days * DAY_S
    first = start + (begin - start) // step * step
    return [first + n * step for n in range(max(1, math.ceil((end - first) / step)))]


def _by_local_time(start: float, days: int, begin: float, end: float, zone: tzinfo) -> Iterator[float]:
    """The same hour of the local clock every so many days, whatever summer time does."""
    first = datetime.fromtimestamp(start, zone)
    count = int((begin - start) // (days * DAY_S)) - 1
    moments = [(first + timedelta(days=days * n)).timestamp() for n in (count, count + 1, count + 2)]
    count += sum(moment <= begin for moment in moments) - 1
    while True:
        at = (first + timedelta(days=days * count)).timestamp()
        yield at
        count += 1
        if (first + timedelta(days=days * count)).timestamp() >= end:
            return


def windows(
    profile: Profile, *, begin: float, end: float, session_at: float | None = None, zone: tzinfo = UTC
) -> list[Window]:
    """The periods of a profile that hold between ``begin`` and ``end``, in order; of several schedules the first.

    A period ends with the next one, with the schedule's duration, with the next occurrence or with the profile's
    validity. The first and the last may reach beyond the span asked for.
    """
    if not profile.schedules:
        return []
    schedule = profile.schedules[0]
    periods = schedule.get("periods") or []
    valid_from = profile.valid_from.timestamp() if profile.valid_from else -math.inf
    valid_to = profile.valid_to.timestamp() if profile.valid_to else math.inf
    duration_s = schedule.get("duration_s")
    starts = occurrences(profile, begin=begin, end=end, session_at=session_at, zone=zone)
    repeats = profile.kind == "recurring" and profile.recurrency in RECURRENCE_DAYS
    found = []
    for number, start in enumerate(starts):
        over = math.inf if duration_s is None else start + duration_s
        if repeats:
            step = RECURRENCE_DAYS[profile.recurrency] * DAY_S
            over = min(over, starts[number + 1] if number + 1 < len(starts) else start + step)
        for index, period in enumerate(periods):
            ends = start + periods[index + 1]["start_s"] if index + 1 < len(periods) else math.inf
            window = (max(start + period["start_s"], valid_from), min(ends, over, valid_to))
            if window[0] < window[1] and window[0] <= end and window[1] > begin:
                found.append(Window(*window, period, schedule["unit"], profile))
    return found


def moment(value: object, zone: tzinfo = UTC) -> float | None:
    """Seconds since the epoch of an ISO time; one without an offset is in ``zone``. None for none.

    Raises ValueError.
    """
    if value is None or value == "":
        return None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()
