"""Hourly roll-ups: what each session drew in each hour, told from its registers and never from sums of samples.

Whoever recounts a session (`sessions.energy.recount`) marks in the same row, by the same UPDATE, from which hour on the
roll-up is stale: nothing that was committed can be missed, however late it came, and the reply path pays no statement.
`roll_up` takes the marked sessions, locks their rows, writes their hours again from there on and takes the mark away.
Doing it twice changes nothing.

Between two readings the register is taken to rise evenly. The hours of a session add up to its ``energy_wh``.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Least

from chargers.rows import insert
from sessions.models import ChargingSession, MeterValue, SessionHour

HOUR = timedelta(hours=1)
PORTION = 50  # sessions in one transaction: meanwhile their frames wait, and on SQLite everybody's
MOST = 20_000
# A session that goes on is rolled up each so many minutes: its hour is read from the beginning each time.
TURNS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """What is known of a session at a moment: its register, and the power told then. None: not told."""

    at: datetime
    register_wh: float | None = None
    power_w: float | None = None


@dataclass(slots=True)
class Hour:
    energy_wh: float = 0.0
    charging_s: float = 0.0
    peak_power_w: float | None = None
    register_wh: float | None = None
    is_settled: bool = True


def roll_up(turn: int | None = None, *, patience_s: float = 20.0) -> bool:
    """Roll up the sessions that are marked now; True if there are more than could be done in that time.

    ``turn``, of `TURNS`: of the sessions that go on only those whose turn it is; None: all.
    """
    began = time.monotonic()
    marked = ChargingSession.objects.filter(stale_from__isnull=False)
    if turn is not None:
        marked = marked.alias(turn=F("pk") % TURNS).filter(Q(stopped_at__isnull=False) | Q(turn=turn % TURNS))
    pks = list(marked.order_by("stale_from").values_list("pk", flat=True)[:MOST])
    for at in range(0, len(pks), PORTION):
        if time.monotonic() - began > patience_s:
            return True
        _roll_up_portion(pks[at : at + PORTION])
    return len(pks) == MOST


def split(points: Sequence[Point]) -> dict[datetime, Hour]:
    """The hours of a session from its points in order. Pure.

    The register never falls: one below its predecessor counts as that, one above the last as the last.
    """
    hours: defaultdict[datetime, Hour] = defaultdict(Hour)
    for point in points:
        if point.power_w is not None and point.power_w > 0:
            hour = hours[hour_of(point.at)]
            hour.peak_power_w = max(point.power_w, hour.peak_power_w or 0.0)
    registers = list(_rising([(p.at, p.register_wh) for p in points if p.register_wh is not None]))
    for (since, low_wh), (until, high_wh) in pairwise(registers):
        for start, end in _cut(since, until):
            share = [(moment - since) / (until - since) if until > since else 1.0 for moment in (start, end)]
            drawn_wh = (high_wh - low_wh) * (share[1] - share[0] if until > since else 1.0)
            hour = hours[hour_of(start)]
            hour.energy_wh += drawn_wh
            hour.charging_s += (end - start).total_seconds() if drawn_wh > 0 else 0.0
            hour.register_wh = high_wh if end == until else low_wh + (high_wh - low_wh) * share[1]
    if registers:
        for at, hour in hours.items():
            hour.is_settled = at + HOUR <= registers[-1][0]
            if hour.register_wh is None:  # power was told in it, the register before or after it
                hour.register_wh = next(
                    (wh for moment, wh in reversed(registers) if moment <= at + HOUR), registers[0][1]
                )
    return {at: hours[at] for at in sorted(hours)}


@dataclass(slots=True)
class _Task:
    """A session whose hours are written again from ``since`` on (None: all); ``base_wh`` is its register there."""

    session: ChargingSession
    since: datetime | None
    base_wh: float = 0.0
    readings: list[Point] = field(default_factory=list)

    def rows(self) -> list[SessionHour]:
        session = self.session
        hours = split(list(self._points()))
        begun, ended = hour_of(session.started_at), session.stopped_at and hour_of(session.stopped_at)
        for at in (begun, ended):
            if at is not None and (self.since is None or at >= self.since):
                hours.setdefault(at, Hour())
        return [
            SessionHour(
                session=session,
                charger_id=session.charger_id,
                hour=at,
                has_begun=at == begun,
                has_ended=at == ended,
                **{name: getattr(hour, name) for name in Hour.__slots__},
            )
            for at, hour in hours.items()
            if hour.energy_wh or hour.peak_power_w or not hour.is_settled or at in (begun, ended)
        ]

    def _points(self) -> Iterator[Point]:
        """Start, readings, stop. Where the registers cannot be believed, the session's energy is not told by hours."""
        session = self.session
        if self.since is None:
            yield Point(session.started_at, session.meter_start_wh if self._is_believed else None)
        else:
            yield Point(self.since, self.base_wh)
        for point in sorted(self.readings, key=lambda point: (point.at, point.register_wh or 0.0)):
            # Clocks are read one after the other: what is told a little before the start was at the start.
            at = max(point.at, session.started_at)
            at = min(at, session.stopped_at) if session.stopped_at else at
            yield Point(at, point.register_wh if self._is_believed else None, point.power_w)
        if session.stopped_at is not None:
            yield Point(session.stopped_at, session.meter_stop_wh if self._is_believed else None)

    @property
    def _is_believed(self) -> bool:
        return self.session.energy_wh is not None


@transaction.atomic
def _roll_up_portion(pks: Sequence[int]) -> None:
    tasks = {task.session.pk: task for task in _tasks(pks)}
    _read(tasks)
    by_since: defaultdict[datetime | None, list[int]] = defaultdict(list)
    for task in tasks.values():
        by_since[task.since].append(task.session.pk)
    for since, stale in by_since.items():
        hours = SessionHour.objects.filter(session__in=stale)
        (hours if since is None else hours.filter(hour__gte=since)).delete()
    insert([row for task in tasks.values() for row in task.rows()])
    ChargingSession.objects.filter(pk__in=tasks).update(stale_from=None)


def _tasks(pks: Sequence[int]) -> Iterator[_Task]:
    """The sessions that nobody writes at this moment, locked; who is skipped is marked still."""
    hours = SessionHour.objects.filter(session=OuterRef("pk"))
    unsettled = Subquery(hours.filter(is_settled=False).order_by("hour").values("hour")[:1])
    before = hours.filter(hour__lt=OuterRef("since"), register_wh__isnull=False).order_by("-hour")
    sessions = (
        ChargingSession.objects.filter(pk__in=pks, stale_from__isnull=False)
        .annotate(since=Least("stale_from", Coalesce(unsettled, "stale_from")))
        .annotate(base_wh=Subquery(before.values("register_wh")[:1]))
        .select_for_update(no_key=True, skip_locked=True, of=("self",))
        .order_by("pk")
    )
    for session in sessions:
        last_wh = session.meter_stop_wh if session.meter_stop_wh is not None else session.meter_last_wh
        is_piecemeal = (
            session.stopped_at is None  # else what is told late, and after the end, may change any hour
            and session.energy_wh is not None
            and session.base_wh is not None
            and last_wh is not None
            and session.base_wh <= last_wh
        )
        yield _Task(session, session.since, session.base_wh) if is_piecemeal else _Task(session, None)


def _read(tasks: dict[int, _Task]) -> None:
    """Give each session its readings, those of sessions that are done again from some hour on since then only."""
    sinces = [task.since for task in tasks.values() if task.since is not None]
    whole = [pk for pk, task in tasks.items() if task.since is None]
    values = MeterValue.objects.filter(is_suspect=False).order_by()
    found = [values.filter(session__in=whole)] if whole else []
    if sinces:
        found.append(values.filter(session__in=tasks.keys() - whole, measured_at__gte=min(sinces)))
    for rows in found:
        for pk, at, register_wh, power_w in rows.values_list("session", "measured_at", "energy_wh", "power_w"):
            task = tasks[pk]
            if task.since is None or at >= task.since:
                task.readings.append(Point(at, register_wh, power_w))


def hour_of(moment: datetime) -> datetime:
    """The hour of UTC that a moment lies in, by its beginning."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _rising(registers: Sequence[tuple[datetime, float]]) -> Iterator[tuple[datetime, float]]:
    highest_wh = registers[0][1] if registers else 0.0
    for at, register_wh in registers:
        highest_wh = max(highest_wh, min(register_wh, registers[-1][1]))
        yield at, highest_wh


def _cut(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """A span of time in pieces that end with the hours."""
    while (end := hour_of(since) + HOUR) < until:
        yield since, end
        since = end
    yield since, until
