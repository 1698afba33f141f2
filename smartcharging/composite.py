"""What a charger may draw, moment by moment, out of all its charging profiles, and which of them says so.

One pure function for OCPP 1.6 (§3.13), 2.0.1 (part 2, K08) and 2.1 (K08, and the smart charging annex SC.01):

- Of one purpose, the profile with the highest stack level leads where it has a period; at one level the EVSE's own goes
  before the charger's. Outside its duration or validity a profile says nothing, and a lower level leads.
- A session's own profile stands in for the default, period by period; the one for priority, once it is used, for both.
- The purposes together: the lowest limit, the lowest number of phases. What is generated locally comes on top.
- The whole charger: the sum over its EVSEs, each without any limit counting with the default, below its own maximum.

Limits between 0 and 6 A stand as they are: whether a car charges with 3 A is the car's question. ``min_rate`` is advice
for sharing below a limit, no lower bound of it. A random delay (2.1) is not foreseen.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from chargers.sentences import phrase
from smartcharging.rates import NO_RATE, Rate, lowest, plus, rate_of, total
from smartcharging.schedules import Profile, Window, windows

CHARGER_WIDE = 0


@dataclass(slots=True, frozen=True)
class Station:
    """What the charger has; ``default_a`` (per phase) and ``default_w`` (all phases) count where no profile says."""

    evse_ids: Sequence[int] = (1,)
    voltage_v: float = 230.0
    phases: int = 3
    default_a: float = 48.0
    default_w: float = 33_120.0
    zone: tzinfo = UTC

    def default_in(self, unit: str) -> float:
        return self.default_a if unit == "A" else self.default_w


@dataclass(slots=True, frozen=True)
class Running:
    """A session at an EVSE."""

    started_at: datetime
    transaction_id: str = ""
    has_priority: bool = False


@dataclass(slots=True, frozen=True)
class Reason:
    """From ``start_s`` on, the limit of a step is that of this profile; ``profile_id`` None: no profile says."""

    start_s: float
    profile_id: int | None
    evse_id: int
    purpose: str
    rule: str


@dataclass(slots=True, frozen=True)
class Step:
    """From ``start_s`` (after the begin) to the next step. Limits are A per phase, or W over all phases unless the
    phases are told apart. ``why``: what bound it, in order; more than one where the bound changed, but not the value.
    """

    start_s: float
    rate: Rate
    why: tuple[Reason, ...]

    @property
    def limit(self) -> float | None:
        return self.rate.limit[0]


@dataclass(slots=True)
class _Lane:
    """The leading windows of one purpose over the segments of time; None where it says nothing."""

    purpose: str
    leading: list[Window | None]


def composite(  # noqa: PLR0913 - what the charger has, what runs, and what is asked
    profiles: Sequence[Profile],
    station: Station,
    *,
    evse_id: int,
    begin: datetime,
    end: datetime,
    unit: str,
    running: Mapping[int, Running] | None = None,
    assume_session: bool = False,
    offline_s: float | None = None,
) -> list[Step]:
    """The composite schedule of an EVSE, or of the whole charger (0), in A per phase or W.

    ``running``: the sessions by EVSE. ``assume_session``: reckon as if a car charged at every EVSE. ``offline_s``: how
    long the charger has had no link at ``begin``; profiles that do not bear that are left out. If ``end`` is not after
    ``begin``, the one step says what holds at ``end``.
    """
    last = end.timestamp()
    work = _Work(station, unit, min(begin.timestamp(), last), last, dict(running or {}), assume_session)
    work.lay([profile for profile in profiles if _holds(profile, offline_s)], evse_id)
    return work.steps(evse_id)


def limit_at(
    profiles: Sequence[Profile], station: Station, *, evse_id: int, at: datetime, unit: str, **context: Any
) -> Step:
    """What holds at a moment, and why; ``context`` as for `composite`."""
    return composite(profiles, station, evse_id=evse_id, begin=at, end=at, unit=unit, **context)[0]


def _holds(profile: Profile, offline_s: float | None) -> bool:
    """Whether a profile counts at all: it can be read, and it bears that long without a link (2.1)."""
    if offline_s is not None and profile.max_offline_s is not None and offline_s >= profile.max_offline_s:
        return False
    periods = profile.schedules[0].get("periods") if profile.schedules else None
    # Who only charges needs a limit; a profile without one is not to be used.
    return bool(periods) and not any(
        period.get("limit") is None and period.get("operation_mode", "ChargingOnly") == "ChargingOnly"
        for period in periods or ()
    )


@dataclass(slots=True)
class _Work:
    station: Station
    unit: str
    begin: float
    end: float
    running: dict[int, Running]
    assume_session: bool
    edges: list[float] = field(default_factory=list)
    lanes: dict[int, list[_Lane]] = field(default_factory=dict)
    rates: dict[int, Rate] = field(default_factory=dict)  # by the identity of their period, which outlives this

    def lay(self, profiles: list[Profile], evse_id: int) -> None:
        """Cut the time at every edge, and let the highest of each purpose lead in each segment."""
        evse_ids = self.station.evse_ids if evse_id == CHARGER_WIDE else (evse_id,)
        found = {number: self._windows(profiles, number) for number in evse_ids}
        found[CHARGER_WIDE] = self._windows([p for p in profiles if p.purpose == "charger_max"], CHARGER_WIDE)
        edges = {edge for all_ in found.values() for window in all_ for edge in (window.start, window.end)}
        self.edges = [self.begin, *sorted(edge for edge in edges if self.begin < edge < self.end)]
        for number, all_ in found.items():
            self.lanes[number] = [
                self._lane(purpose, [window for window in all_ if window.profile.purpose == purpose])
                for purpose in ("charger_max", "external", "tx_default", "tx", "priority", "local_generation")
            ]

    def _windows(self, profiles: Collection[Profile], evse_id: int) -> list[Window]:
        session = self.running.get(evse_id)
        session_at = session.started_at.timestamp() if session else None
        return [
            window
            for profile in profiles
            if profile.evse_id in (CHARGER_WIDE, evse_id) and self._counts(profile, session, evse_id)
            for window in windows(
                profile, begin=self.begin, end=self.end, session_at=session_at, zone=self.station.zone
            )
        ]

    def _counts(self, profile: Profile, session: Running | None, evse_id: int) -> bool:
        if profile.purpose == "charger_max":
            return evse_id == CHARGER_WIDE
        if profile.purpose not in ("tx", "tx_default", "priority"):
            return True
        if session is None:
            return self.assume_session and profile.purpose != "priority"
        if profile.purpose == "priority":
            return session.has_priority
        return profile.purpose == "tx_default" or profile.transaction_id in ("", session.transaction_id)

    def _lane(self, purpose: str, all_: list[Window]) -> _Lane:
        """Paint low levels first, so that the higher ones cover them."""
        leading: list[Window | None] = [None] * len(self.edges)
        for window in sorted(all_, key=lambda w: (w.profile.stack_level, w.profile.evse_id != CHARGER_WIDE)):
            start = bisect_left(self.edges, window.start)
            stop = bisect_left(self.edges, window.end)
            leading[start:stop] = [window] * (stop - start)
        return _Lane(purpose, leading)

    def steps(self, evse_id: int) -> list[Step]:
        steps: list[Step] = []
        made: dict[tuple[int, ...], tuple[Rate, list[Window | None]]] = {}
        numbers = [CHARGER_WIDE, *(self.station.evse_ids if evse_id == CHARGER_WIDE else (evse_id,))]
        columns = [lane.leading for number in numbers for lane in self.lanes[number]]
        for index, (edge, windows_now) in enumerate(zip(self.edges, zip(*columns, strict=True), strict=True)):
            key = tuple(map(id, windows_now))
            if key not in made:
                made[key] = self._resolve(evse_id, index)
            rate, bound = made[key]
            why = tuple(self._reason(edge - self.begin, window, evse_id) for window in bound)
            if steps and steps[-1].rate == rate:
                before = steps[-1]
                if [reason.profile_id for reason in before.why[-len(why) :]] != [reason.profile_id for reason in why]:
                    steps[-1] = Step(before.start_s, rate, before.why + why)
            else:
                steps.append(Step(edge - self.begin, rate, why))
        return steps

    def _resolve(self, evse_id: int, index: int) -> tuple[Rate, list[Window | None]]:
        """What holds in one segment, and the windows that bind it."""
        maximum = self.lanes[CHARGER_WIDE][0].leading[index]
        if evse_id != CHARGER_WIDE:
            candidates, extra = self._candidates(evse_id, index)
            return self._lowest([*candidates, *([maximum] if maximum else [])], extra)
        parts, bound = [], []
        for number in self.station.evse_ids:
            candidates, extra = self._candidates(number, index)
            rate, windows_ = self._lowest(candidates, extra)
            parts.append(rate)
            bound += windows_
        summed = total(parts, self.unit, self.station.voltage_v)
        if maximum is None:
            return summed, bound
        top = self._rate(maximum)
        together, holds = lowest([summed, top], self.unit, self.station.voltage_v, self.station.phases)
        return together, bound if holds == 0 else [maximum]

    def _candidates(self, evse_id: int, index: int) -> tuple[list[Window], Window | None]:
        _, external, default, own, priority, local = (lane.leading[index] for lane in self.lanes[evse_id])
        return [window for window in (priority or own or default, external) if window], local

    def _lowest(self, candidates: list[Window], extra: Window | None) -> tuple[Rate, list[Window | None]]:
        """The lowest of what is said, with the default where nothing is; and who said it."""
        volt, phases = self.station.voltage_v, self.station.phases
        rate, holds = NO_RATE, None
        if candidates:
            rate, holds = lowest([self._rate(window) for window in candidates], self.unit, volt, phases)
        bound: list[Window | None] = [None if holds is None else candidates[holds]]
        if holds is None:
            rate = rate.with_limit(self.station.default_in(self.unit), self.unit)
        if extra is not None:
            more, _ = lowest([self._rate(extra)], self.unit, volt, rate.phases or phases)
            rate, bound = plus(rate, more), [*bound, extra]
        return rate, bound

    def _rate(self, window: Window) -> Rate:
        found = self.rates.get(id(window.period))
        if found is None:
            found = self.rates[id(window.period)] = rate_of(window.period, window.unit)
        return found

    @staticmethod
    def _reason(start_s: float, window: Window | None, evse_id: int) -> Reason:
        if window is None:
            return Reason(start_s, None, evse_id, "", phrase("no profile speaks now, so the charger's default counts"))
        profile = window.profile
        return Reason(start_s, profile.profile_id, profile.evse_id, profile.purpose, _RULES[profile.purpose])


_RULES = {
    "charger_max": phrase("the charger as a whole may not draw more"),
    "external": phrase("somebody else limits the charger: a grid operator or the building"),
    "tx": phrase("the session has a profile of its own, which stands in for the default"),
    "tx_default": phrase("the default for any session"),
    "priority": phrase("the session is charged with priority"),
    "local_generation": phrase("what is generated on the spot comes on top"),
}
