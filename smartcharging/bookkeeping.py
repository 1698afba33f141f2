"""The ledger of a site between its rows and its arithmetic: read before a plan, written before anything leaves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import OuterRef, Q, Subquery

from chargers.models import CommandStatus
from sessions.models import ChargingSession, MeterValue
from smartcharging import grid, ledger
from smartcharging.models import CapacitySignal, ChargingNeeds, InstalledProfile, Limit, LimitNode, Outlet, SitePlan

Place = tuple[int, int]  # charger, EVSE
PROFILES_FROM = 900_000  # our numbers, out of the way of those that staff choose
KINDS = ("default", "floor", "lease")


def profile_id(outlet: Outlet, kind: str) -> int:
    return PROFILES_FROM + outlet.evse_id * 10 + KINDS.index(kind)


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

    def session_of(self, outlet: Outlet) -> ChargingSession | None:
        return self.sessions.get((outlet.charger_id, outlet.evse_id))


def open_books(plan: SitePlan, *, at: datetime, ahead_s: float) -> Books:
    """Read a site. Raises `grid.ImpossibleTree`."""
    nodes = list(LimitNode.objects.filter(site=plan.site_id))
    outlets = list(Outlet.objects.filter(node__in=nodes).select_related("charger", "default_command"))
    sessions = _sessions(outlets)
    needs = {row.session_id: row for row in ChargingNeeds.objects.filter(session__in=sessions.values())}
    site = _site(plan, nodes, outlets, at)
    held = _held(outlets)
    places = [
        _outlet(outlet, sessions.get((outlet.charger_id, outlet.evse_id)), _default_a(outlet, held, plan.volts))
        for outlet in outlets
    ]
    network = site.network(at, ahead=datetime.fromtimestamp(ahead_s, UTC) - datetime.fromtimestamp(0, UTC))
    books = Books(
        plan,
        site,
        outlets,
        sessions,
        {pk: row for pk, row in needs.items() if pk is not None},
        ledger.Ledger(network, places, lease_s=plan.lease_s),
        at,
    )
    _read_entries(books)
    return books


def _site(plan: SitePlan, nodes: Iterable[LimitNode], outlets: Iterable[Outlet], at: datetime) -> grid.Site:
    signals = CapacitySignal.objects.filter(Q(to_at=None) | Q(to_at__gt=at), site=plan.site_id)
    return grid.Site(
        [
            grid.Node(n.pk, n.name, (n.l1_a, n.l2_a, n.l3_a), n.parent_id, limit_w=n.limit_w, buffer_a=n.buffer_a)
            for n in nodes
        ],
        [grid.Place(o.pk, o.node_id, o.phases, o.rotation, o.cable_a) for o in outlets],
        volts=plan.volts,
        building=grid.Building(_three(plan.building_worst_a), _measured(plan), plan.building_at),
        signals=[grid.Signal(row.source, row.limit_w, row.from_at, row.to_at) for row in signals],
    )


def _three(values: list[float] | None) -> tuple[float, float, float]:
    first, second, third = [*(values or []), 0.0, 0.0, 0.0][:3]
    return float(first), float(second), float(third)


def _measured(plan: SitePlan) -> tuple[float, float, float] | None:
    return None if plan.building_a is None else _three(plan.building_a)


def _sessions(outlets: Iterable[Outlet]) -> dict[Place, ChargingSession]:
    """The running session at each place, with the current that its meter showed last."""
    latest = MeterValue.objects.filter(session=OuterRef("pk"), current_a__isnull=False, is_suspect=False)
    latest = latest.order_by("-measured_at")
    running = ChargingSession.objects.filter(
        charger__in={outlet.charger_id for outlet in outlets}, stopped_at=None, is_superseded=False
    ).annotate(
        drawn_a=Subquery(latest.values("current_a")[:1]),
        drawn_at=Subquery(latest.values("received_at")[:1]),
    )
    return {(session.charger_id, session.evse_id): session for session in running.order_by("started_at")}


def _held(outlets: Iterable[Outlet]) -> dict[int, list[InstalledProfile]]:
    """The profiles of sessions that the chargers hold, by charger."""
    found = defaultdict(list)
    chargers = {outlet.charger_id for outlet in outlets}
    for row in InstalledProfile.objects.filter(charger__in=chargers, purpose__in=["tx", "tx_default", "priority"]):
        found[row.charger_id].append(row)
    return found


def _default_a(outlet: Outlet, held: dict[int, list[InstalledProfile]], volts: float) -> float | None:
    """What it falls back to, if it holds our default; more, if it holds something else that may lead instead."""
    here = [row for row in held[outlet.charger_id] if row.evse_id in (0, outlet.evse_id)]
    if not any(row.profile_id == profile_id(outlet, "default") for row in here):
        return None
    ours = {profile_id(outlet, kind) for kind in ("floor", "lease")}
    return max(
        float(period.get("limit") or outlet.cable_a) / (1.0 if schedule.get("unit") == "A" else volts * outlet.phases)
        if period.get("limit") != 0
        else 0.0
        for row in here
        if row.profile_id not in ours
        for schedule in row.schedules
        for period in schedule.get("periods") or ()
    )


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
    by_outlet: dict[int, list[Limit]] = defaultdict(list)
    for row in Limit.objects.filter(outlet__in=books.outlets).select_related("command", "session").order_by("pk"):
        by_outlet[row.outlet_id].append(row)
    for outlet, place in zip(books.outlets, books.ledger.outlets, strict=True):
        session = books.session_of(outlet)
        rows = by_outlet[outlet.pk]
        for row in rows:
            is_over = not row.session.is_open and (session is None or session.pk != row.session_id)
            if is_over and not place.is_sticky:
                continue  # it went with its session
            expires_at = row.expires_at.timestamp() if row.expires_at else math.inf
            entry = ledger.Entry(row.pk, row.limit_a, row.sent_at.timestamp(), expires_at, row.is_confirmed)
            place.slot(row.kind).entries.append(entry)
        for row in rows:
            verdict = _verdict(row)
            if verdict is not None:
                slot = place.slot(row.kind)
                (slot.confirm if verdict else slot.refuse)(row.pk)
        place.expire(books.at.timestamp())
        kept = {entry.number for slot in (place.floor, place.lease) for entry in slot.entries}
        books.gone += [row.pk for row in rows if row.pk not in kept]


def _verdict(row: Limit) -> bool | None:
    """Whether the charger took it; None: nobody knows, so it may have."""
    command = row.command
    if row.is_confirmed:
        return True
    if command is None or command.status in CommandStatus.open():
        return None
    if command.status == CommandStatus.ACCEPTED:
        return True
    if command.status == CommandStatus.TIMEOUT:
        late = command.late_answer
        return {"Accepted": True, "Rejected": False}.get(late.get("status", "")) if isinstance(late, dict) else None
    # Never sent, or refused in so many words. A fault that it answered with may have come after it acted.
    was_not_taken = command.status in (CommandStatus.REJECTED, CommandStatus.EXPIRED, CommandStatus.CANCELLED)
    return False if was_not_taken or command.answer is None else None


def close_books(books: Books) -> None:
    """Write what was learnt of the entries."""
    confirmed = [
        entry.number
        for place in books.ledger.outlets
        for slot in (place.floor, place.lease)
        for entry in slot.entries
        if entry.is_confirmed
    ]
    Limit.objects.filter(pk__in=confirmed, is_confirmed=False).update(is_confirmed=True)
    Limit.objects.filter(pk__in=books.gone).delete()
