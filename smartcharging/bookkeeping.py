"""The ledger of a site between its rows and its arithmetic: read before a plan, written before anything leaves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from chargers.models import Charger, Command, CommandStatus
from chargers.rows import first_key, remove, rewrite, sentence, stored
from chargers.statements import Row
from sessions.models import ChargingSession, MeterValue
from smartcharging import grid, ledger
from smartcharging.held import Beside, beside, chargers_of
from smartcharging.models import CapacitySignal, ChargingNeeds, Limit, LimitNode, Outlet, SitePlan

Place = tuple[int, int]  # charger, EVSE
_Answers = Mapping[UUID | None, tuple[Any, Any]]  # of commands, what they said in time, and late
# Rows are wide and sites are large: a plan reads what it needs.
_OF_OUTLET = (
    *("id", "node_id", "charger_id", "evse_id", "cable_a", "phases", "rotation", "trust", "is_wild", "above_since"),
    *("enough_a", "target_a", "bound_by", "is_queued", "default_command_id"),
)
_OF_CHARGER = ("id", "identity", "is_online", "is_booted", "clock_offset_s")
_OF_SESSION = (
    *("id", "charger_id", "evse_id", "transaction_id", "started_at", "energy_wh", "stopped_at", "is_superseded"),
    *("drawn_a", "drawn_at"),
)
_NOT_TAKEN = (CommandStatus.REJECTED, CommandStatus.EXPIRED, CommandStatus.CANCELLED)
# What these say is clear without the words of the answer, which are costly to read for each entry.
_CLEAR = frozenset({None, CommandStatus.ACCEPTED, *CommandStatus.open(), *_NOT_TAKEN})
METER_LOOKBACK = timedelta(days=1)  # an older reading says nothing of now


class _EntryRow(NamedTuple):
    """An entry of the ledger with what became of its session and its command, by their names as columns."""

    pk: int
    outlet_id: int
    session_id: int
    kind: str
    limit_a: float
    sent_at: datetime
    expires_at: datetime | None
    is_confirmed: bool
    command_id: UUID | None
    session__stopped_at: datetime | None
    session__is_superseded: bool
    command__status: str | None


@dataclass(slots=True)
class Books:
    """All that a plan looks at, as of ``at``. ``outlets`` in the order of the network's columns."""

    plan: SitePlan
    site: grid.Site
    outlets: list[Outlet]
    running: list[ChargingSession | None]  # the session at each outlet
    needs: dict[int, ChargingNeeds]  # by session
    ledger: ledger.Ledger
    at: datetime
    gone: list[int] = field(default_factory=list)  # entries that count no more
    news: list[int] = field(default_factory=list)  # entries that were confirmed otherwise than by their command
    defaults_a: list[float | None] = field(default_factory=list)  # our own default at each outlet, as confirmed
    waiting: dict[tuple[int, str], list[UUID]] = field(default_factory=dict)  # commands not sent yet, by outlet, kind

    @property
    def busy(self) -> list[tuple[int, ChargingSession]]:
        """The outlets where a session runs, by number: on a large site few of all."""
        return [(index, session) for index, session in enumerate(self.running) if session is not None]


def open_books(plan: SitePlan, *, at: datetime, ahead_s: float) -> Books:
    """Read a site. Raises `grid.ImpossibleTree`."""
    nodes = list(LimitNode.objects.filter(site=plan.site_id))
    outlets = [_outlet_in(row) for row in _outlets(plan.site_id)]
    places = [(outlet.charger_id, outlet.evse_id) for outlet in outlets]
    sessions = {(session.charger_id, session.evse_id): session for session in _sessions(plan.site_id, at)}
    running = [sessions.get(place) for place in places]
    needs = ChargingNeeds.objects.filter(charger__in=chargers_of(plan.site_id), session__isnull=False)
    site = drawn(plan, nodes, outlets, signals=_signals(plan, at))
    held = beside(plan, sessions.values(), at=at)
    defaults = [held.defaults_a(charger_id, outlet) for (charger_id, _), outlet in zip(places, outlets, strict=True)]
    counted = [
        _outlet(outlet, session is not None, default_a)
        for outlet, session, (_, default_a) in zip(outlets, running, defaults, strict=True)
    ]
    network = site.network(at, ahead=timedelta(seconds=ahead_s))
    books = Books(
        plan,
        site,
        outlets,
        running,
        {row.session_id: row for row in needs if row.session_id is not None},
        ledger.Ledger(network, counted, lease_s=plan.lease_s),
        at,
        defaults_a=[own_a for own_a, _ in defaults],
    )
    _read_entries(books)
    return books


@sentence
def _outlets(site_id: int) -> QuerySet[Any, Any]:
    rows = Outlet.objects.filter(node__site=site_id)
    return rows.values_list(*_OF_OUTLET, *(f"charger__{name}" for name in _OF_CHARGER))


def _outlet_in(row: Row) -> Outlet:
    """With its charger. Made of values: Django takes longer to build two thousand rows than the rest of a plan."""
    charger = stored(Charger, dict(zip(_OF_CHARGER, row[len(_OF_OUTLET) :], strict=True)))
    return stored(Outlet, dict(zip(_OF_OUTLET, row, strict=False)), charger=charger)


def _signals(plan: SitePlan, at: datetime) -> list[grid.Signal]:
    rows = CapacitySignal.objects.filter(Q(to_at=None) | Q(to_at__gt=at), site=plan.site_id)
    return [grid.Signal(row.source, row.limit_w, row.from_at, row.to_at) for row in rows]


def drawn(
    plan: SitePlan,
    nodes: Iterable[LimitNode],
    outlets: Iterable[Outlet],
    *,
    signals: Sequence[grid.Signal],
) -> grid.Site:
    """A site's rows as `grid` takes them. Raises `grid.ImpossibleTree`."""
    return grid.Site(
        [
            grid.Node(n.pk, n.name, (n.l1_a, n.l2_a, n.l3_a), n.parent_id, limit_w=n.limit_w, buffer_a=n.buffer_a)
            for n in nodes
        ],
        [grid.Place(o.id, o.node_id, o.phases, o.rotation, o.cable_a) for o in outlets],
        volts=plan.volts,
        building=grid.Building(_three(plan.building_worst_a), _measured(plan), plan.building_at),
        signals=signals,
    )


def _three(values: list[float] | None) -> tuple[float, float, float]:
    first, second, third = [*(values or []), 0.0, 0.0, 0.0][:3]
    return float(first), float(second), float(third)


def _measured(plan: SitePlan) -> tuple[float, float, float] | None:
    return None if plan.building_a is None else _three(plan.building_a)


def _sessions(site_id: int, at: datetime) -> Iterator[ChargingSession]:
    """The running ones, in order of their start, with the current that their meter showed last."""
    # By the hour, for a question is worded once for the same arguments.
    since = first_key((at - METER_LOOKBACK).replace(minute=0, second=0, microsecond=0))
    for row in _running(site_id, since):
        yield stored(ChargingSession, dict(zip(_OF_SESSION, row, strict=True)))


@sentence
def _running(site_id: int, since: str) -> QuerySet[Any, Any]:
    latest = MeterValue.objects.filter(
        session=OuterRef("pk"),
        current_a__isnull=False,
        is_suspect=False,
        # Of a table by months: only this one and, on its first day, the last are looked into.
        key__gte=since,
    )
    latest = latest.order_by("-measured_at")
    running = ChargingSession.objects.filter(charger__in=chargers_of(site_id), stopped_at=None, is_superseded=False)
    running = running.annotate(
        drawn_a=Subquery(latest.values("current_a")[:1]),
        drawn_at=Subquery(latest.values("received_at")[:1]),
    )
    return running.order_by("started_at").values_list(*_OF_SESSION)


def beside_ledger(books: Books) -> Beside:
    """What chargers hold, or may hold, beside what the ledger sent them."""
    return beside(books.plan, [session for _, session in books.busy], at=books.at)


def in_post(books: Books) -> dict[int, UUID]:
    """The commands that carry entries, by entry; which of them are still on their way the ledger knows."""
    rows = Limit.objects.filter(outlet__node__site=books.plan.site_id, is_confirmed=False, command__isnull=False)
    return {pk: command_id for pk, command_id in rows.values_list("pk", "command_id") if command_id is not None}


def _outlet(outlet: Outlet, in_session: bool, default_a: float | None) -> ledger.Outlet:
    charger = outlet.charger
    return ledger.Outlet(
        outlet.id,
        outlet.cable_a,
        default_a,
        ledger.Trust(outlet.trust),
        skew_s=charger.clock_offset_s or 0.0,
        is_online=charger.is_online and charger.is_booted,
        in_session=in_session,
        is_wild=outlet.is_wild,
    )


def _read_entries(books: Books) -> None:
    """Put the entries into the ledger, and draw from their commands what became of them."""
    by_outlet: dict[int, list[_EntryRow]] = defaultdict(list)
    rows = list(map(_EntryRow._make, _entries(books.plan.site_id)))
    for row in rows:
        by_outlet[row.outlet_id].append(row)
    asked = [row for row in rows if not row.is_confirmed and row.command__status not in _CLEAR]
    unclear = {row.command_id for row in asked if row.command_id is not None}
    found = Command.objects.filter(pk__in=unclear).values_list("pk", "answer", "late_answer") if unclear else ()
    answers: _Answers = {pk: (answer, late) for pk, answer, late in found}
    for index, outlet in enumerate(books.outlets):
        if outlet.id in by_outlet:
            _read_entries_of(books, index, by_outlet[outlet.id], answers)


@sentence
def _entries(site_id: int) -> QuerySet[Any, Any]:
    return Limit.objects.filter(outlet__node__site=site_id).order_by("pk").values_list(*_EntryRow._fields)


def _read_entries_of(books: Books, index: int, rows: list[_EntryRow], answers: _Answers) -> None:
    outlet, place, session = books.outlets[index], books.ledger.outlets[index], books.running[index]
    for row in rows:
        is_over = row.session__stopped_at is not None or row.session__is_superseded
        if is_over and not place.is_sticky and (session is None or session.pk != row.session_id):
            continue  # it went with its session
        expires_at = row.expires_at.timestamp() if row.expires_at else math.inf
        entry = ledger.Entry(row.pk, row.limit_a, row.sent_at.timestamp(), expires_at, row.is_confirmed)
        place.slot(row.kind).entries.append(entry)
    for row in rows:
        verdict = _verdict(row, *answers.get(row.command_id, (None, None)))
        if verdict is not None:
            slot = place.slot(row.kind)
            (slot.confirm if verdict else slot.refuse)(row.pk)
        if row.command_id is not None and row.command__status == CommandStatus.PENDING:
            books.waiting.setdefault((outlet.pk, row.kind), []).append(row.command_id)
    place.expire(books.at.timestamp())
    kept = {entry.number: entry for slot in (place.floor, place.lease) for entry in slot.entries}
    books.gone += [row.pk for row in rows if row.pk not in kept]
    # What its command says itself is not written once more: that is most of what a plan would write.
    unsaid = [row.pk for row in rows if not row.is_confirmed and row.command__status != CommandStatus.ACCEPTED]
    books.news += [pk for pk in unsaid if pk in kept and kept[pk].is_confirmed]


def _verdict(row: _EntryRow, answer: Any, late: Any) -> bool | None:
    """Whether the charger took it; None: nobody knows, so it may have."""
    status = row.command__status
    if row.is_confirmed or status == CommandStatus.ACCEPTED:
        return True
    if status is None or status in CommandStatus.open():
        return None
    if status == CommandStatus.TIMEOUT:
        return {"Accepted": True, "Rejected": False}.get(late.get("status", "")) if isinstance(late, dict) else None
    # Never sent, or refused in so many words. A fault that it answered with may have come after it acted.
    return False if status in _NOT_TAKEN or answer is None else None


def close_books(books: Books) -> None:
    """Write what was learnt of the entries."""
    rewrite([stored(Limit, {"id": pk, "is_confirmed": True}) for pk in books.news], ["is_confirmed"])
    remove(Limit, books.gone)
