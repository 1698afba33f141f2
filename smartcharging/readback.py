"""What a charger says that it may draw, beside what follows from the profiles that it should hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from chargers.models import Charger, Command, Connector
from chargers.sentences import phrase
from sessions.models import ChargingSession
from smartcharging.abilities import as_profile
from smartcharging.composite import Running, Station, Step, composite
from smartcharging.models import CompositeReport, ExternalLimit, InstalledProfile
from smartcharging.schedules import Profile, moment

SPAN_S = 86_400
WEEK_S = 7 * SPAN_S
LONGEST_S = 31 * SPAN_S
UNLIMITED = 1e9  # where no profile speaks, nothing is compared
TOLERANCE = {"A": 0.5, "W": 250.0}
SHORTEST_S = 15.0  # chargers round their steps, and both ends take a moment
LATE = timedelta(minutes=5)  # a schedule that begins later than it was told speaks by a clock that is wrong


def span_s(profile: Mapping[str, Any], *, at: datetime) -> int:
    """How far to look ahead for a profile as it was ordered: a day; a week where it recurs weekly; until it has begun
    where that is later.
    """
    span = WEEK_S if profile.get("kind") == "recurring" and profile.get("recurrency") == "weekly" else SPAN_S
    moments = [moment(profile.get(name)) for name in ("start_at", "valid_from")]
    begins_s = max([0.0, *(told - at.timestamp() for told in moments if told is not None)])
    return int(min(max(span, begins_s + SPAN_S if begins_s > 0 else 0), LONGEST_S))


# Told to people, see chargers/sentences.py.
NOW = phrase("Now")
LATER = phrase("In {hours} h {minutes:02} min")
DAYS_LATER = phrase("In {days} d {hours} h {minutes:02} min")
WRONG_CLOCK = phrase("It says that it begins in {minutes} min; its clock, or its start, is wrong.")
PHASE = phrase("phase L{count}")
ONE_PHASE = phrase("{count} phase")
PHASES = phrase("{count} phases")
USES_OTHER = phrase("{when} it says {said} where {wanted} should be used.")
SAYS_OTHER = phrase("{when} it says {said} where {wanted} should hold.")


def composite_told(
    command: Command, *, evse_id: int, schedule: dict[str, Any] | None, begins_at: datetime | None, at: datetime
) -> CompositeReport:
    """Keep a charger's answer. Safe to repeat."""
    values = {
        "charger": command.charger, "evse_id": evse_id, "schedule": schedule, "begins_at": begins_at or at,
        "told_at": at,
    }  # fmt: skip
    return CompositeReport.objects.update_or_create(command=command, defaults=values)[0]


@dataclass(slots=True, frozen=True)
class Verdict:
    """``is_same``: where a profile of ours speaks, the charger says the same. ``shows``: the numbers of those profiles.

    ``difference``: the first one, as a sentence.
    """

    is_same: bool
    shows: frozenset[int]
    difference: str = ""


def verdict(report: CompositeReport, profiles: Sequence[Profile] | None = None) -> Verdict:
    """``profiles``: what it should hold; by default what it has confirmed. As far ahead as it was asked.

    Some stations count the profiles of sessions only while one runs, some always: both are right.
    """
    schedule = report.schedule or {}
    unit = "W" if schedule.get("unit") == "W" else "A"
    held = profiles if profiles is not None else held_by(report.charger)
    span = float(report.command.arguments.get("duration_s") or SPAN_S)
    found = [
        compare(
            schedule,
            expected(
                report.charger, held, evse_id=report.evse_id, begin=report.begins_at, unit=unit,
                assume_session=assumes, span_s=span,
            ),
            unit,
            span,
        )
        for assumes in (True, False)
    ]  # fmt: skip
    best = next((one for one in found if one.is_same and one.shows), found[0])
    ahead = report.begins_at - report.told_at
    if ahead <= LATE:
        return best
    by_min = int(ahead.total_seconds() // 60)
    return Verdict(False, best.shows, WRONG_CLOCK.format(minutes=by_min))


def expected(
    charger: Charger,
    profiles: Sequence[Profile],
    *,
    evse_id: int,
    begin: datetime,
    unit: str,
    assume_session: bool = True,
    span_s: float = SPAN_S,
) -> list[Step]:
    """What these profiles come to at a charger from ``begin`` on."""
    running = {
        session.evse_id: Running(session.started_at, session.transaction_id)
        for session in ChargingSession.objects.filter(charger=charger, stopped_at=None, is_superseded=False)
    }
    return composite(
        profiles,
        station(charger, *running, evse_id),
        evse_id=evse_id,
        begin=begin,
        end=begin + timedelta(seconds=span_s),
        unit=unit,
        running=running,
        assume_session=assume_session,
    )


def station(charger: Charger, *more: int) -> Station:
    known = Connector.objects.filter(charger=charger, evse_id__gt=0).values_list("evse_id", flat=True)
    evse_ids = tuple(sorted({number for number in (*known, *more) if number > 0})) or (1,)
    return Station(evse_ids, default_a=UNLIMITED, default_w=UNLIMITED)


def held_by(charger: Charger) -> list[Profile]:
    """What it confirmed to hold, and what others limit there (known by numbers below 0)."""
    installed = [as_profile(row) for row in InstalledProfile.objects.filter(charger=charger)]
    external = ExternalLimit.objects.filter(charger=charger)
    return installed + [
        Profile(-row.pk, 0, "external", "absolute", schedules=row.schedules, evse_id=row.evse_id) for row in external
    ]


def compare(schedule: dict[str, Any], steps: Sequence[Step], unit: str, span_s: float = SPAN_S) -> Verdict:
    """In the middle of each stretch in which neither side changes."""
    told = [(float(period.get("start_s") or 0), period) for period in schedule.get("periods") or ()]
    if not told:
        return Verdict(False, frozenset(), phrase("It named no limit at all."))
    end = min(span_s, float(schedule.get("duration_s") or span_s))
    edges = sorted({0.0, end, *(start for start, _ in told), *(step.start_s for step in steps)})
    shows: set[int] = set()
    difference = ""
    for start, stop in pairwise(edge for edge in edges if edge <= end):
        if stop - start < SHORTEST_S:
            continue
        step = [one for one in steps if one.start_s <= start][-1]
        said = ([period for at, period in told if at <= start] or [{}])[-1]
        bound = {reason.profile_id for reason in step.why if reason.profile_id is not None}
        if not bound or step.limit is None or step.limit >= UNLIMITED:
            continue
        shows |= bound
        difference = difference or _difference(said, step, unit, _after(start))
    return Verdict(not difference, frozenset(shows), difference)


def _difference(said: Mapping[str, Any], step: Step, unit: str, when: str) -> str:
    """Limit, then phases; what a charger does not say of phases it may do as it was told."""
    limit = step.limit or 0.0
    if not _same(said.get("limit"), limit, unit):
        return SAYS_OTHER.format(when=when, said=_power(said.get("limit"), unit), wanted=_power(limit, unit))
    for name, told, ours in (
        ("phases", said.get("phases"), step.rate.phases),
        ("phase", said.get("phase_to_use"), step.rate.phase_to_use),
    ):
        if told is not None and ours is not None and told != ours:
            return USES_OTHER.format(when=when, said=_phases(name, told), wanted=_phases(name, ours))
    return ""


def _phases(name: str, count: int) -> str:
    return (PHASE if name == "phase" else ONE_PHASE if count == 1 else PHASES).format(count=count)


def _same(said: float | None, limit: float, unit: str) -> bool:
    return said is not None and abs(said - limit) <= max(TOLERANCE[unit], 0.02 * limit)


def _after(start_s: float) -> str:
    if start_s < SHORTEST_S:
        return NOW
    hours, minutes = int(start_s % SPAN_S // 3600), int(start_s % 3600 // 60)
    if start_s < SPAN_S:
        return LATER.format(hours=hours, minutes=minutes)
    return DAYS_LATER.format(days=int(start_s // SPAN_S), hours=hours, minutes=minutes)


def _power(limit: float | None, unit: str) -> str:
    return phrase("nothing") if limit is None else f"{limit:g} {unit}"
