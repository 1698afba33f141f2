"""The ledger of a site between its rows and its arithmetic: read before a plan, written before anything leaves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from chargers.models import Charger, Command, CommandStatus
from chargers.rows import first_key, stored
from sessions.models import ChargingSession, MeterValue
from smartcharging import grid, leading, ledger
from smartcharging.models import CapacitySignal, ChargingNeeds, InstalledProfile, Limit, LimitNode, Outlet, SitePlan

Place = tuple[int, int]  # charger, EVSE
# Rows are wide and sites are large: a plan reads what it needs.
_OF_OUTLET = (
    *("id", "node_id", "charger_id", "evse_id", "cable_a", "phases", "rotation", "trust", "is_wild", "above_since"),
    *("enough_a", "target_a", "bound_by", "is_queued", "default_command_id"),
)
_OF_CHARGER = ("identity", "is_online", "is_booted", "clock_offset_s")
_READ_OF_ENTRY = (
    *("pk", "outlet_id", "session_id", "kind", "limit_a", "sent_at", "expires_at", "is_confirmed", "command_id"),
    *("session__stopped_at", "session__is_superseded"),
    *("command__status", "command__answer", "command__late_answer"),
)
METER_LOOKBACK = timedelta(days=1)  # an older reading says nothing of now
LEADING = ("tx", "tx_default", "priority")  # purposes of profiles that may raise what a car gets


def profile_id(outlet: Outlet, kind: str) -> int:
    return leading.profile_id(outlet.evse_id, kind)


@dataclass(slots=True)
class Books:
    """All that a plan looks at, as of ``at``. ``outlets`` in the order of the network's columns."""

    plan: SitePlan
    site: grid.Site
    outlets: list[Outlet]
    sessions: dict[Place, ChargingSession]
    needs: dict[int, ChargingNeeds]  # by session
    ledger: ledger.Ledger
    at: datetime
    gone: list[int] = field(default_factory=list)  # entries that count no more
    news: list[int] = field(default_factory=list)  # entries that were confirmed since
    defaults_a: dict[int, float] = field(default_factory=dict)  # our own default, as confirmed, by outlet
    in_watts: frozenset[int] | None = None  # chargers that take no amperes; read when something is sent
    waiting: dict[tuple[int, str], list[UUID]] = field(default_factory=dict)  # commands not sent yet, by outlet, kind

    def session_of(self, outlet: Outlet) -> ChargingSession | None:
        return self.sessions.get((outlet.charger_id, outlet.evse_id))


def open_books(plan: SitePlan, *, at: datetime, ahead_s: float) -> Books:
    """Read a site. Raises `grid.ImpossibleTree`."""
    nodes = list(LimitNode.objects.filter(site=plan.site_id))
    outlets = list(_outlets(plan))
    sessions = _sessions(plan, at)
    needs = {row.session_id: row for row in ChargingNeeds.objects.filter(charger__in=_chargers(plan))}
    site = drawn(plan, nodes, outlets, signals=_signals(plan, at))
    held = _held(plan)
    in_doubt = _in_doubt(plan, held)
    places = [
        _outlet(
            outlet, sessions.get((outlet.charger_id, outlet.evse_id)), _default_a(outlet, held, in_doubt, plan.volts)
        )
        for outlet in outlets
    ]
    network = site.network(at, ahead=timedelta(seconds=ahead_s))
    books = Books(
        plan,
        site,
        outlets,
        sessions,
        {pk: row for pk, row in needs.items() if pk is not None},
        ledger.Ledger(network, places, lease_s=plan.lease_s),
        at,
        defaults_a=_own_defaults(outlets, held, plan.volts),
    )
    _read_entries(books)
    return books


def _outlets(plan: SitePlan) -> Iterator[Outlet]:
    """With their chargers. Read as values: Django takes longer to build two thousand rows than the rest of a plan."""
    rows = Outlet.objects.filter(node__site=plan.site_id)
    for row in rows.values_list(*_OF_OUTLET, *(f"charger__{name}" for name in _OF_CHARGER)):
        outlet = stored(Outlet, dict(zip(_OF_OUTLET, row, strict=False)))
        told = dict(zip(_OF_CHARGER, row[len(_OF_OUTLET) :], strict=True))
        outlet.charger = stored(Charger, {"id": outlet.charger_id, **told})
        yield outlet


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
        [grid.Place(o.pk, o.node_id, o.phases, o.rotation, o.cable_a) for o in outlets],
        volts=plan.volts,
        building=grid.Building(_three(plan.building_worst_a), _measured(plan), plan.building_at),
        signals=signals,
    )


def _three(values: list[float] | None) -> tuple[float, float, float]:
    first, second, third = [*(values or []), 0.0, 0.0, 0.0][:3]
    return float(first), float(second), float(third)


def _measured(plan: SitePlan) -> tuple[float, float, float] | None:
    return None if plan.building_a is None else _three(plan.building_a)


def _chargers(plan: SitePlan) -> QuerySet[Outlet, int]:
    """As a subquery: a thousand numbers in each statement cost more than what they ask for."""
    return Outlet.objects.filter(node__site=plan.site_id).order_by().values_list("charger", flat=True)


def _sessions(plan: SitePlan, at: datetime) -> dict[Place, ChargingSession]:
    """The running session at each place, with the current that its meter showed last."""
    latest = MeterValue.objects.filter(
        session=OuterRef("pk"),
        current_a__isnull=False,
        is_suspect=False,
        # Of a table by months: only this one and, on its first day, the last are looked into.
        key__gte=first_key(at - METER_LOOKBACK),
    )
    latest = latest.order_by("-measured_at")
    running = ChargingSession.objects.filter(
        charger__in=_chargers(plan), stopped_at=None, is_superseded=False
    ).annotate(
        drawn_a=Subquery(latest.values("current_a")[:1]),
        drawn_at=Subquery(latest.values("received_at")[:1]),
    )
    running = running.only(
        "charger", "evse_id", "transaction_id", "started_at", "energy_wh", "stopped_at", "is_superseded"
    )
    return {(session.charger_id, session.evse_id): session for session in running.order_by("started_at")}


@dataclass(slots=True, frozen=True)
class Held:
    """A profile that may lead at an EVSE (0: at each) of a charger; ``at``: when it was confirmed, or ordered."""

    evse_id: int
    number: int
    schedules: list[dict[str, Any]]
    at: datetime


def _held(plan: SitePlan) -> dict[int, list[Held]]:
    """The profiles of sessions that the chargers hold, by charger."""
    found: dict[int, list[Held]] = defaultdict(list)
    rows = InstalledProfile.objects.filter(charger__in=_chargers(plan), purpose__in=LEADING)
    for charger_id, *held in rows.values_list("charger", "evse_id", "profile_id", "schedules", "installed_at"):
        found[charger_id].append(Held(*held))
    return found


def _in_doubt(plan: SitePlan, held: dict[int, list[Held]]) -> dict[int, list[Held]]:
    """Profiles that were ordered, by staff or as a default, and that the charger may hold without having said so.

    Floors and leases are in the ledger on their own. One that was confirmed under the same number later is not there.
    """
    orders = Command.objects.filter(charger__in=_chargers(plan), verb="set_profile").order_by()
    orders = orders.exclude(requested_via__in=["plan floor", "plan lease"])
    rows = [
        row
        for status in (CommandStatus.PENDING, CommandStatus.SENT, CommandStatus.TIMEOUT)
        for row in orders.filter(status=status).values_list("charger", "arguments", "created_at", "late_answer")
    ]
    found: dict[int, list[Held]] = defaultdict(list)
    for charger_id, arguments, created_at, late_answer in rows:
        profile = arguments.get("profile")
        if not isinstance(profile, dict) or profile.get("purpose", "tx_default") not in LEADING:
            continue
        number = _whole(profile.get("id"))
        is_later = any(one.number == number and one.at >= created_at for one in held[charger_id])
        if is_later or (isinstance(late_answer, dict) and late_answer.get("status") == "Rejected"):
            continue
        schedule = {"unit": profile.get("unit", "A"), "periods": profile.get("periods")}
        found[charger_id].append(Held(_whole(arguments.get("evse_id")), number, [schedule], created_at))
    return found


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float | str) and str(value).isdecimal() else 0


def _default_a(
    outlet: Outlet, held: dict[int, list[Held]], in_doubt: dict[int, list[Held]], volts: float
) -> float | None:
    """What it falls back to, if it holds our default; more, if it holds, or may hold, something else that may lead."""
    here = [one for one in held[outlet.charger_id] if one.evse_id in (0, outlet.evse_id)]
    if profile_id(outlet, "default") not in {one.number for one in here}:
        return None
    ours = {profile_id(outlet, kind) for kind in ("floor", "lease")}
    maybe = [one for one in in_doubt.get(outlet.charger_id, []) if one.evse_id in (0, outlet.evse_id)]
    others = [one for one in (*here, *maybe) if one.number not in ours]
    return max(_most_a(one, outlet, volts) for one in others)


def _most_a(held: Held, outlet: Outlet, volts: float) -> float:
    return max(
        (
            _amperes(period, schedule, volts * outlet.phases, outlet.cable_a)
            for schedule in held.schedules
            for period in schedule.get("periods") or ()
        ),
        default=outlet.cable_a,
    )


def _own_defaults(outlets: Iterable[Outlet], held: dict[int, list[Held]], volts: float) -> dict[int, float]:
    """Of those outlets whose charger confirmed our default, how much it allows."""
    return {
        outlet.pk: _most_a(one, outlet, volts)
        for outlet in outlets
        for one in held.get(outlet.charger_id, [])
        if one.number == profile_id(outlet, "default") and one.evse_id == outlet.evse_id
    }


def _amperes(period: dict[str, Any], schedule: dict[str, Any], watts_per_a: float, cable_a: float) -> float:
    """The limit of a period; of one that has none, or none that can be read, what the cable bears."""
    limit = period.get("limit")
    if not isinstance(limit, int | float):
        return cable_a
    return float(limit) if schedule.get("unit") == "A" else float(limit) / watts_per_a


def _outlet(outlet: Outlet, session: ChargingSession | None, default_a: float | None) -> ledger.Outlet:
    charger = outlet.charger
    return ledger.Outlet(
        outlet.pk,
        outlet.cable_a,
        default_a,
        ledger.Trust(outlet.trust),
        skew_s=charger.clock_offset_s or 0.0,
        is_online=charger.is_online and charger.is_booted,
        in_session=session is not None,
        is_wild=outlet.is_wild,
    )


def _read_entries(books: Books) -> None:
    """Put the entries into the ledger, and draw from their commands what became of them."""
    by_outlet: dict[int, list[Any]] = defaultdict(list)
    rows = Limit.objects.filter(outlet__node__site=books.plan.site_id).order_by("pk")
    for row in rows.values_list(*_READ_OF_ENTRY, named=True):
        by_outlet[row.outlet_id].append(row)
    for outlet, place in zip(books.outlets, books.ledger.outlets, strict=True):
        if outlet.pk in by_outlet:
            _read_entries_of(books, outlet, place, by_outlet[outlet.pk])


def _read_entries_of(books: Books, outlet: Outlet, place: ledger.Outlet, rows: list[Any]) -> None:
    session = books.session_of(outlet)
    for row in rows:
        is_over = row.session__stopped_at is not None or row.session__is_superseded
        if is_over and not place.is_sticky and (session is None or session.pk != row.session_id):
            continue  # it went with its session
        expires_at = row.expires_at.timestamp() if row.expires_at else math.inf
        entry = ledger.Entry(row.pk, row.limit_a, row.sent_at.timestamp(), expires_at, row.is_confirmed)
        place.slot(row.kind).entries.append(entry)
    for row in rows:
        verdict = _verdict(row)
        if verdict is not None:
            slot = place.slot(row.kind)
            (slot.confirm if verdict else slot.refuse)(row.pk)
        if row.command__status == CommandStatus.PENDING:
            books.waiting.setdefault((outlet.pk, row.kind), []).append(row.command_id)
    place.expire(books.at.timestamp())
    kept = {entry.number: entry for slot in (place.floor, place.lease) for entry in slot.entries}
    books.gone += [row.pk for row in rows if row.pk not in kept]
    books.news += [row.pk for row in rows if row.pk in kept and kept[row.pk].is_confirmed and not row.is_confirmed]


def _verdict(row: Any) -> bool | None:
    """Whether the charger took it; None: nobody knows, so it may have."""
    status, answer = row.command__status, row.command__answer
    if row.is_confirmed or status == CommandStatus.ACCEPTED:
        return True
    if status is None or status in CommandStatus.open():
        return None
    if status == CommandStatus.TIMEOUT:
        late = row.command__late_answer
        return {"Accepted": True, "Rejected": False}.get(late.get("status", "")) if isinstance(late, dict) else None
    # Never sent, or refused in so many words. A fault that it answered with may have come after it acted.
    was_not_taken = status in (CommandStatus.REJECTED, CommandStatus.EXPIRED, CommandStatus.CANCELLED)
    return False if was_not_taken or answer is None else None


def close_books(books: Books) -> None:
    """Write what was learnt of the entries."""
    if books.news:
        Limit.objects.filter(pk__in=books.news).update(is_confirmed=True)
    if books.gone:
        Limit.objects.filter(pk__in=books.gone).delete()
