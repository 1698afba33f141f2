"""Charging profiles as a charger keeps them, and the limit that follows from them at a moment.

Written from the specification (1.6 §3.13, 2.0.1 part 2 K), on its own: it shares nothing with `smartcharging`, so
that the plan of the CSMS and the behaviour of the charger check each other. Times are epoch seconds, limits are W.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

STATION_MAX = "station_max"
EXTERNAL = "external"
TX_DEFAULT = "tx_default"
TX = "tx"

RECURRENCE_S = {"Daily": 86_400.0, "Weekly": 604_800.0}


@dataclass(frozen=True, slots=True)
class Period:
    start_s: float
    limit: float
    phases: int | None


@dataclass(slots=True)
class Profile:
    """`number` is the connector it is for, 0 the whole charger; `raw` is the payload, for reports."""

    id: int
    number: int
    purpose: str
    stack_level: int
    kind: str
    recurrence_s: float | None
    unit: str
    periods: tuple[Period, ...]
    start_at: float | None
    duration_s: float | None
    valid_from: float | None
    valid_to: float | None
    session_id: str | None
    installed_at: float
    raw: dict[str, Any] = field(default_factory=dict)

    def reference(self, at: float, session_at: float | None) -> float:
        """When the schedule that covers `at` began."""
        if self.kind == "Relative":
            return at if session_at is None else session_at
        start = self.start_at if self.start_at is not None else self.valid_from or self.installed_at
        if self.kind == "Recurring" and self.recurrence_s:
            # The occurrence at or before now, also when the first one lies ahead.
            return start + (at - start) // self.recurrence_s * self.recurrence_s
        return start

    def period_at(self, at: float, session_at: float | None) -> Period | None:
        """The period in force at `at`; None where the profile says nothing, so that a lower level counts."""
        if (self.valid_from is not None and at < self.valid_from) or (
            self.valid_to is not None and at >= self.valid_to
        ):
            return None
        offset = at - self.reference(at, session_at)
        if offset < 0 or (self.duration_s is not None and offset >= self.duration_s):
            return None
        found = None
        for period in self.periods:
            if period.start_s > offset:
                break
            found = period
        return found

    def edges(self, begin: float, end: float, session_at: float) -> Iterator[float]:
        """Moments in [begin, end) at which this profile may change the limit."""
        yield from (edge for edge in (self.valid_from, self.valid_to) if edge is not None)
        reference = self.reference(begin, session_at)
        while True:
            yield reference
            yield from (reference + period.start_s for period in self.periods)
            if self.duration_s is not None:
                yield reference + self.duration_s
            if not self.recurrence_s or self.kind != "Recurring":
                return
            reference += self.recurrence_s
            if reference >= end:
                return


@dataclass(frozen=True, slots=True)
class Supply:
    """What turns A into W at a connector. A limit in A is per phase; on DC it counts on the grid side."""

    voltage_v: float
    phases: int

    def watts(self, limit: float, unit: str, phases: int | None) -> float:
        return limit if unit == "W" else limit * self.voltage_v * min(phases or self.phases, self.phases)


class Profiles:
    """All profiles of one charger."""

    __slots__ = ("_installed",)

    def __init__(self) -> None:
        self._installed: list[Profile] = []

    def __len__(self) -> int:
        return len(self._installed)

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._installed)

    def install(self, profile: Profile) -> None:
        """The same id, or the same place on the stack, is replaced."""
        self.remove(lambda old: old.id == profile.id or _place(old) == _place(profile))
        self._installed.append(profile)

    def remove(self, is_meant: Callable[[Profile], bool]) -> int:
        """Drop the profiles meant; returns how many there were."""
        kept = [profile for profile in self._installed if not is_meant(profile)]
        count = len(self._installed) - len(kept)
        self._installed = kept
        return count

    def station_limit_w(self, at: float, supply: Supply) -> float | None:
        """What the whole charger may draw; None if no profile says."""
        found = [self._leading(purpose, 0, at, supply, None, None) for purpose in (STATION_MAX, EXTERNAL)]
        return min((limit for limit in found if limit is not None), default=None)

    def session_limit_w(
        self, number: int, at: float, supply: Supply, *, session_id: str | None, session_at: float
    ) -> float | None:
        """What the session that began at `session_at` may draw: its own profile where it speaks, else the default."""
        own = self._leading(TX, number, at, supply, session_id, session_at)
        return self._leading(TX_DEFAULT, number, at, supply, None, session_at) if own is None else own

    def _leading(
        self, purpose: str, number: int, at: float, supply: Supply, session_id: str | None, session_at: float | None
    ) -> float | None:
        """Highest stack level with a period now leads; at one level the connector's own goes before the charger's."""
        best: tuple[int, int] | None = None
        limit_w = None
        for profile in self._installed:
            if profile.purpose != purpose or profile.number not in (0, number):
                continue
            if profile.session_id is not None and profile.session_id != session_id:
                continue
            rank = (profile.stack_level, profile.number)
            if best is not None and rank <= best:
                continue
            if (period := profile.period_at(at, session_at)) is not None:
                best, limit_w = rank, supply.watts(period.limit, profile.unit, period.phases)
        return limit_w

    def edges(self, begin: float, end: float, session_starts: Collection[float]) -> list[float]:
        """Sorted moments in (begin, end) at which some limit of these sessions may change."""
        found = {
            edge
            for profile in self._installed
            for session_at in session_starts
            for edge in profile.edges(begin, end, session_at)
        }
        return sorted(edge for edge in found if begin < edge < end)

    def composite(
        self, begin: float, duration_s: float, session_starts: Collection[float], limit_at: Callable[[float], float]
    ) -> list[tuple[float, float]]:
        """`limit_at` as (offset in s, W) steps from `begin` on; equal neighbours are merged."""
        steps: list[tuple[float, float]] = []
        for at in [begin, *self.edges(begin, begin + duration_s, session_starts)]:
            limit_w = limit_at(at)
            if not steps or steps[-1][1] != limit_w:
                steps.append((at - begin, limit_w))
        return steps


def _place(profile: Profile) -> tuple[int, str, int, str | None]:
    return (profile.number, profile.purpose, profile.stack_level, profile.session_id if profile.purpose == TX else None)
