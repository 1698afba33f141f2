"""Meter readings: kept once, attached to their session, and what they change in it. Written for a whole batch at once.

Promises: a reading that comes again is not stored again; one that comes again with other values is kept as suspect and
counts nowhere; the result does not depend on the order in which readings are stored (`sessions.registers`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from django.db import connection

from chargers import clocks, connectors
from chargers.rows import Lookup, dated, digest, insert, make, rewrite
from chargers.sentences import phrase
from sessions import energy, registers, truth
from sessions.finding import OPEN, find_named
from sessions.measurands import quantities, with_sum_of_phases
from sessions.models import ChargingSession, MeterValue
from sessions.units import Sample

TWICE = phrase("A meter reading came twice with different values; the first one counts.")
SUSPECT = phrase("A meter reading is implausible and was left out.")
# A reading may be a little older than the start it belongs to: clocks are read one after the other.
BEFORE_START = timedelta(seconds=60)
LONGEST = timedelta(days=3)
# Of a charger, the last of them: each late reading is compared with each. One that begins and ends sessions as fast as
# it is answered has 100,000 of them and more, and a message holds 30,000 readings.
MOST_ENDED = 1000
_STORED = Lookup(MeterValue, by=["charger_id", "key"], only=["id", "charger_id", "key", "digest"])
_BY_PK = Lookup(ChargingSession, by=["id"])
# The index is by start; who charges longer than `LONGEST` and then loses its number is not found.
_ENDED_SINCE = Lookup(
    ChargingSession,
    by=["charger_id"],
    given=[("not_before", "timestamptz"), ("first_at", "timestamptz"), ("last_at", "timestamptz")],
    also="t.started_at >= wanted.not_before AND t.started_at <= wanted.last_at AND t.stopped_at >= wanted.first_at",
)
_SESSION_COLUMNS = (
    "meter_start_wh", "meter_first_wh", "meter_first_at", "meter_last_wh", "power_w", "power_max_w", "soc_percent",
    "metered_at", *energy.COLUMNS,
)  # fmt: skip


@dataclass(slots=True, frozen=True)
class Reading:
    """What a meter showed at one moment in one context. Its session: by pk, by the charger's name for it, by time."""

    charger_id: int
    evse_id: int
    samples: Sequence[Sample]
    received_at: datetime
    connector_id: int = 1
    device_time: str = ""
    context: str = ""
    session_id: int | None = None
    transaction_id: str = ""  # as the charger said it; "" if it did not
    # Number of the event that brought it (2.x): two events within one tick of a coarse clock do not contradict.
    seq_no: int | None = None


@dataclass(slots=True)
class ReadingBook:
    """Collects the readings of a batch; `write` stores them. ``session_ids``: what changed, known after `write`."""

    _rows: list[tuple[Reading, MeterValue]] = field(default_factory=list)
    session_ids: set[int] = field(default_factory=set)

    def add(self, reading: Reading) -> None:
        self._rows.append((reading, _row(reading)))

    def write(self) -> None:
        """Store what is new and update sessions and connectors. A handful of statements, however many readings."""
        if not self._rows:
            return
        sessions = _Sessions(self._rows)
        rows = self._unknown_rows(sessions)
        self._rows = []
        if not rows:
            return
        insert(rows, ignore_conflicts=True)
        sessions.take(rows)
        self.session_ids |= sessions.changed_ids
        _update_connectors(rows, sessions)

    def _unknown_rows(self, sessions: _Sessions) -> list[MeterValue]:
        """The rows that are not stored yet, attached; conflicting and implausible ones marked."""
        known = _stored({(row.charger_id, row.key) for _, row in self._rows})
        new: list[MeterValue] = []
        for reading, row in self._rows:
            digests = known[row.charger_id, row.key]
            if row.digest in digests:
                continue
            session = sessions.of(reading, row.measured_at)
            row.session_id = session.pk if session else None
            if digests or not _is_plausible(row, session):
                row.is_suspect = True
                sessions.flag(session, TWICE if digests else _why_suspect(row, session))
            digests.add(row.digest)
            new.append(row)
        return new


def _row(reading: Reading) -> MeterValue:
    samples = with_sum_of_phases(list(reading.samples))
    said = [[s["measurand"], s["phase"], s["location"]] for s in reading.samples]
    values = [[*name, s["unit"], s["raw"]] for name, s in zip(said, reading.samples, strict=True)]
    place = [reading.evse_id, reading.connector_id, reading.transaction_id or reading.session_id, reading.seq_no]
    # Without a time the values are all that tells one reading from the next.
    moment = reading.device_time or ["no time", values]
    key = digest("meter value", place, moment, reading.context, sorted(said))
    return make(
        MeterValue,
        charger_id=reading.charger_id,
        evse_id=reading.evse_id,
        connector_id=reading.connector_id,
        measured_at=clocks.happened_at(reading.device_time, at=reading.received_at),
        received_at=reading.received_at,
        device_time=clocks.kept(reading.device_time),
        context=reading.context[:24],
        samples=samples,
        # By the time as sent, never by ours: a repeat finds the partition of the first, whenever it comes.
        key=dated(key, clocks.parse(reading.device_time)),
        digest=digest(sorted(values)),
        **quantities(samples),
    )


def _stored(wanted: set[tuple[int, UUID]]) -> defaultdict[tuple[int, UUID], set[UUID]]:
    known: defaultdict[tuple[int, UUID], set[UUID]] = defaultdict(set)
    for row in _STORED(wanted):
        known[row.charger_id, row.key].add(row.digest)
    return known


def _is_plausible(row: MeterValue, session: ChargingSession | None) -> bool:
    if row.power_w is not None and abs(row.power_w) > energy.LARGEST_POWER_W:
        return False
    # A start of 0 is no measure for a register, see `sessions.truth`; and a register of 0 among others is none.
    base = (session.meter_start_wh or session.meter_first_wh) if session else None
    if session is None or not row.energy_wh or not base:
        return row.energy_wh is None or row.energy_wh >= 0
    elapsed = max(row.measured_at - session.started_at, row.received_at - session.started_received_at)
    # Rounded: meter_start_wh is a whole number, a first reading of 0.4 Wh less is the same register.
    drawn = round(row.energy_wh - base)
    if (
        (session.start_key is None or not session.meter_start_wh)
        and session.metered_at
        and row.measured_at <= session.metered_at
    ):
        drawn = max(drawn, 0)  # a late reading may be the first one; the register at the start is then its own
    return energy.is_possible(drawn, over=elapsed)


def _why_suspect(row: MeterValue, session: ChargingSession | None) -> str:
    fell = session is not None and row.energy_wh is not None and 0 < row.energy_wh < (session.meter_start_wh or 0)
    return truth.DROPPED if fell else SUSPECT


class _Sessions:
    """The sessions that a batch of readings may belong to, read once, and what the readings change in them."""

    def __init__(self, rows: Sequence[tuple[Reading, MeterValue]]) -> None:
        readings = [reading for reading, _ in rows]
        self._by_pk: dict[int, ChargingSession] = {}
        self._by_place: defaultdict[tuple[int, int], list[ChargingSession]] = defaultdict(list)
        # Of a charger that never tells a stop, superseded sessions pile up; only who names one of them means it.
        self._know(OPEN({(reading.charger_id,) for reading in readings}))
        self._know(_BY_PK({(r.session_id,) for r in readings if r.session_id} - {(pk,) for pk in self._by_pk}))
        self._by_name = {(s.charger_id, s.transaction_id): s for s in self._by_pk.values() if s.transaction_id}
        told = {(r.charger_id, r.transaction_id) for r in readings if r.transaction_id}
        ended = find_named(told - self._by_name.keys())
        self._know(ended)
        self._by_name |= {(s.charger_id, s.transaction_id): s for s in ended}
        self._flagged: set[int] = set()
        self.changed_ids: set[int] = set()
        self._add_ended([row for reading, row in rows if reading.evse_id and self.of(reading, row.measured_at) is None])

    def _add_ended(self, homeless: list[MeterValue]) -> None:
        """Read the sessions that ran when these rows were measured: such readings come late and name none."""
        if not homeless:
            return
        adapt = connection.ops.adapt_datetimefield_value
        told: defaultdict[int, list[datetime]] = defaultdict(list)
        for row in homeless:
            told[row.charger_id].append(row.measured_at)
        spans = [(charger_id, min(moments), max(moments)) for charger_id, moments in told.items()]
        ended: defaultdict[int, deque[ChargingSession]] = defaultdict(lambda: deque(maxlen=MOST_ENDED))
        for session in _ENDED_SINCE(
            (pk, adapt(first - LONGEST), adapt(first), adapt(last)) for pk, first, last in spans
        ):
            ended[session.charger_id].append(session)
        self._know(chain.from_iterable(ended.values()))

    def _know(self, sessions: Iterable[ChargingSession]) -> None:
        for session in sessions:
            if session.pk not in self._by_pk:
                self._by_pk[session.pk] = session
                self._by_place[session.charger_id, session.evse_id].append(session)

    def of(self, reading: Reading, measured_at: datetime) -> ChargingSession | None:
        if reading.session_id is not None:
            return self._by_pk.get(reading.session_id)
        named = self._by_name.get((reading.charger_id, reading.transaction_id))
        if named is not None or reading.evse_id == 0:
            return named
        here = self._by_place[reading.charger_id, reading.evse_id]
        return max((s for s in here if _ran_at(s, measured_at)), key=lambda s: s.started_at, default=None)

    def flag(self, session: ChargingSession | None, reason: str) -> None:
        if session is not None:
            energy.review(session, reason)
            self._flagged.add(session.pk)

    def of_row(self, row: MeterValue) -> ChargingSession | None:
        return self._by_pk.get(row.session_id) if row.session_id else None

    def take(self, rows: Iterable[MeterValue]) -> None:
        """Bring the sessions up to date with rows that have just been stored."""
        fresh: defaultdict[int, list[MeterValue]] = defaultdict(list)
        for row in rows:
            if row.session_id is not None and not row.is_suspect:
                fresh[row.session_id].append(row)
        for pk, new in fresh.items():
            _follow(self._by_pk[pk], new)
        self.changed_ids = fresh.keys() | self._flagged
        rewrite([self._by_pk[pk] for pk in self.changed_ids], _SESSION_COLUMNS)


def _ran_at(session: ChargingSession, moment: datetime) -> bool:
    if session.stopped_at is None:
        return session.is_open and session.started_at <= moment + BEFORE_START
    return session.started_at <= moment <= session.stopped_at


def _follow(session: ChargingSession, new: list[MeterValue]) -> None:
    """Let a session's last values follow its newest readings; a late one makes us look at all of them again."""
    as_before, had_fallen = session.metered_at, truth.DROPPED in session.review_reasons
    if session.metered_at is not None and min(row.measured_at for row in new) <= session.metered_at:
        as_before, new = None, _begin_anew(session)
    before = None
    for row in registers.in_order(new):
        session.metered_at = row.measured_at
        if registers.is_misplaced(row, before):
            continue
        if row.energy_wh is not None:
            before = row
            _climb(session, row)
            if session.meter_start_wh is None:
                session.meter_start_wh = round(row.energy_wh)
        if row.power_w is not None:
            session.power_w = row.power_w
            session.power_max_w = max(session.power_max_w or 0.0, row.power_w)
        if row.soc_percent is not None:
            session.soc_percent = row.soc_percent
    if as_before is None:
        _judge_fall(session, new, had_fallen=had_fallen)
    if not session.is_open:
        session.power_w = None  # what has ended draws nothing
    energy.recount(session, since=as_before)


def _judge_fall(session: ChargingSession, rows: list[MeterValue], *, had_fallen: bool) -> None:
    """Whether the register fell, now that all its readings have been looked at; those left out tell it too."""
    if truth.DROPPED in session.review_reasons and registers.rises(rows):
        energy.withdraw(session, truth.DROPPED)  # a clock went back, not the register
        session.meter_last_wh = max(row.energy_wh or 0.0 for row in rows)
    below_start = {"energy_wh__gt": 0, "energy_wh__lt": session.meter_start_wh or 0}
    if had_fallen and MeterValue.objects.filter(session=session, is_suspect=True, **below_start).exists():
        energy.review(session, truth.DROPPED)


def _begin_anew(session: ChargingSession) -> list[MeterValue]:
    """All its readings, and nothing of them in the session yet."""
    session.meter_last_wh = session.power_w = session.soc_percent = None
    session.meter_first_wh = session.meter_first_at = session.power_max_w = None
    energy.withdraw(session, truth.DROPPED)
    if session.start_key is None:  # no start message told the register: the earliest reading does
        session.meter_start_wh = None
    return list(
        MeterValue.objects.filter(session=session, is_suspect=False).only(
            "measured_at", "received_at", "context", "key", "energy_wh", "power_w", "soc_percent", "session_id"
        )
    )


def _climb(session: ChargingSession, row: MeterValue) -> None:
    """Take a register into account; one of 0 among others is no register but a sample without one."""
    last, told = session.meter_last_wh, row.energy_wh or 0.0
    if told == 0 and (last or session.meter_start_wh):
        return
    if last is not None and registers.is_said_again(row):
        return
    if last is not None and told < last - 1:
        energy.review(session, truth.DROPPED)
    session.meter_last_wh = told
    if told and session.meter_first_wh is None:
        session.meter_first_wh, session.meter_first_at = told, row.measured_at


def _update_connectors(rows: Iterable[MeterValue], sessions: _Sessions) -> None:
    """Power now, per connector; what a reading of an ended session says is not now."""
    latest: dict[tuple[int, int, int], MeterValue] = {}
    for row in sorted(rows, key=lambda row: row.measured_at):
        session = sessions.of_row(row)
        if row.power_w is not None and not row.is_suspect and (session is None or session.is_open):
            latest[row.charger_id, row.evse_id, row.connector_id] = row
    connectors.set_power({place: (row.power_w or 0.0, row.measured_at) for place, row in latest.items()})
