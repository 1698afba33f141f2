"""Who leads a site: the cloud's planner, or an edge at the site (`gateway.edge`). What each tells the other.

One leads at a time. `give` ends the planner's lead in the transaction that begins the edge's; its ledger goes along in
the *brief*. `take` asks for it back, and the planner leads again once the edge has said, in a *report* with its ledger,
that it has stopped. Each change has a new epoch, and whoever hears an older one leaves it aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from chargers import commands
from chargers.models import Command, CommandStatus, Site
from sessions.models import ChargingSession
from smartcharging import abilities, bookkeeping, leading
from smartcharging.bookkeeping import Books
from smartcharging.ledger import FLOOR_A
from smartcharging.models import InstalledProfile, Leader, Limit, Outlet, SitePlan

log = structlog.get_logger(__name__)

BRIEF = "chargeyard.site-brief.v1"
REPORT = "chargeyard.site-report.v1"
OURS = ("plan default", "plan floor", "plan lease")


class NotNow(RuntimeError):
    """Who leads cannot change now; the text says why, and the way out."""


@transaction.atomic
def give(site: Site, *, at: datetime) -> SitePlan:
    """From now on the edge leads. Safe to repeat. Raises NotNow."""
    plan = SitePlan.objects.select_for_update().filter(site=site).first()
    if plan is None or not plan.is_on:
        raise NotNow(f"{site.name} does not share its power; draw its limits and switch sharing on first.")
    if plan.leader == Leader.RETURNING:
        raise NotNow(f"{site.name} is on its way back from its edge; wait for its report, or take it with --force.")
    if plan.leader == Leader.CLOUD:
        waiting = Command.objects.filter(charger__outlets__node__site=site, status=CommandStatus.PENDING)
        for command in waiting.filter(requested_via__in=OURS).distinct():
            commands.cancel(command)
        _lead(plan, Leader.EDGE)
    return plan


@transaction.atomic
def take(site: Site, *, at: datetime, is_edge_off: bool = False) -> SitePlan:
    """Ask for the lead back. Safe to repeat.

    ``is_edge_off``: whoever asks has seen that the edge does not run, and cannot be heard; then all that it may have
    left behind counts: the floor of each session, and for the length of a lease its cable.
    """
    plan = SitePlan.objects.select_for_update().get(site=site)
    if plan.leader == Leader.EDGE:
        _lead(plan, Leader.RETURNING)
    if plan.leader == Leader.RETURNING and is_edge_off:
        _forget(plan)
        ends_at = at + timedelta(seconds=plan.lease_s)
        for outlet, session in _running(plan):
            Limit.objects.create(outlet=outlet, session=session, kind="floor", limit_a=FLOOR_A, sent_at=at)
            expires_at = ends_at if outlet.trust == "A" else None
            Limit.objects.create(
                outlet=outlet, session=session, kind="lease", limit_a=outlet.cable_a, sent_at=at, expires_at=expires_at
            )
        _lead(plan, Leader.CLOUD)
    return plan


def _lead(plan: SitePlan, leader: Leader) -> None:
    is_returned = plan.leader == Leader.RETURNING and leader == Leader.CLOUD
    plan.leader = leader
    plan.epoch += 0 if is_returned else 1  # the edge has been told this one already
    plan.next_due_at = plan.edge_heard_at = None
    plan.save(update_fields=["leader", "epoch", "next_due_at", "edge_heard_at"])
    log.info("leader", site=plan.site_id, leader=str(leader), epoch=plan.epoch)


def _running(plan: SitePlan) -> list[tuple[Outlet, ChargingSession]]:
    running = ChargingSession.objects.filter(
        charger__outlets__node__site=plan.site_id, stopped_at=None, is_superseded=False
    ).distinct()
    by_place = {(session.charger_id, session.evse_id): session for session in running}
    outlets = Outlet.objects.filter(node__site=plan.site_id)
    return [(o, by_place[o.charger_id, o.evse_id]) for o in outlets if (o.charger_id, o.evse_id) in by_place]


def _forget(plan: SitePlan) -> None:
    """What was in our ledger, and which of the planner's profiles chargers hold: the edge has changed both."""
    outlets = Outlet.objects.filter(node__site=plan.site_id)
    Limit.objects.filter(outlet__in=outlets).delete()
    for outlet in outlets:
        numbers = [leading.profile_id(outlet.evse_id, kind) for kind in leading.KINDS]
        InstalledProfile.objects.filter(charger=outlet.charger_id, profile_id__in=numbers).delete()


# -- the brief ---------------------------------------------------------------------------------------------------------


def brief(plan: SitePlan, *, at: datetime) -> dict[str, Any]:
    """What the edge of a site has to know, see `gateway.edge.brief`. Raises `grid.ImpossibleTree`."""
    books = bookkeeping.open_books(plan, at=at, ahead_s=plan.lease_s)
    others_a = bookkeeping.others_a(books)
    in_watts = abilities.without_amperes({outlet.charger_id for outlet in books.outlets})
    return {
        "schema": BRIEF,
        "site": plan.site_id,
        "epoch": plan.epoch,
        "leader": "edge" if plan.leader == Leader.EDGE and plan.is_on else "cloud",
        "is_adopted": plan.edge_heard_at is not None,
        "told_at": at.timestamp(),
        "lease_s": plan.lease_s,
        "default_a": plan.default_a,
        "volts": plan.volts,
        "building_worst_a": list(books.site.building.worst_a),
        "nodes": [
            {
                "key": node.key, "name": node.name, "limits_a": node.limits_a, "parent": node.parent,
                "limit_w": node.limit_w, "buffer_a": node.buffer_a,
            }
            for node in books.site.nodes
        ],
        "signals": [
            {"source": s.source, "limit_w": s.limit_w, "from_at": s.from_at.timestamp(), "to_at": _stamp(s.to_at)}
            for s in books.site.signals
        ],
        "outlets": [
            _outlet(books, index, others_a[outlet.pk], in_watts=outlet.charger_id in in_watts)
            for index, outlet in enumerate(books.outlets)
        ],
    }  # fmt: skip


def _outlet(books: Books, index: int, others_a: float, *, in_watts: bool) -> dict[str, Any]:
    outlet, place = books.outlets[index], books.ledger.outlets[index]
    session = books.running[index]
    return {
        "charger": outlet.charger.identity, "evse_id": outlet.evse_id, "version": outlet.charger.ocpp_version,
        "node": outlet.node_id, "cable_a": outlet.cable_a, "phases": outlet.phases, "rotation": outlet.rotation,
        "trust": outlet.trust, "is_wild": outlet.is_wild, "skew_s": place.skew_s, "in_watts": in_watts,
        "others_a": others_a, "default_a": books.defaults_a[index],
        "transaction_id": session.transaction_id if session else None,
        "needs": _needs(books, session) if session else {},
        "entries": [
            {
                "kind": kind, "number": 0, "limit_a": entry.limit_a, "sent_at": entry.sent_at,
                "expires_at": None if entry.expires_at == float("inf") else entry.expires_at,
                "is_confirmed": entry.is_confirmed,
            }
            for kind in ("floor", "lease")
            for entry in place.slot(kind).entries
        ],
    }  # fmt: skip


def _needs(books: Books, session: ChargingSession) -> dict[str, Any]:
    needs = books.needs.get(session.pk)
    if needs is None:
        return {}
    rest_wh = None if needs.energy_wh is None else max(0.0, float(needs.energy_wh - (session.energy_wh or 0)))
    return {
        "most_a": needs.parameters.get("current_max_a"), "rest_wh": rest_wh, "departs_at": _stamp(needs.departs_at)
    }  # fmt: skip


def _stamp(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


# -- the report --------------------------------------------------------------------------------------------------------


@transaction.atomic
def reported(site_id: int, told: Mapping[str, Any], *, at: datetime) -> bool:
    """The edge says what it does; whether it counts: not of an older epoch. Raises KeyError, TypeError, ValueError for
    what cannot be read, and then nothing has changed.
    """
    plan = SitePlan.objects.select_for_update().filter(site=site_id).first()
    if plan is None or told["schema"] != REPORT or told["epoch"] != plan.epoch or plan.leader == Leader.CLOUD:
        return False
    rows = {
        (o.charger.identity, o.evse_id): o for o in Outlet.objects.filter(node__site=site_id).select_related("charger")
    }
    seen = [
        (rows[place["charger"], int(place["evse_id"])], place)
        for place in told["outlets"]
        if (place["charger"], int(place["evse_id"])) in rows
    ]
    for outlet, place in seen:
        outlet.target_a, outlet.bound_by = float(place["target_a"]), str(place["bound_by"])[:160]
        outlet.is_queued, outlet.is_wild = bool(place["is_queued"]), bool(place["is_wild"])
    Outlet.objects.bulk_update([outlet for outlet, _ in seen], ["target_a", "bound_by", "is_queued", "is_wild"])
    plan.planned_at = plan.edge_heard_at = at
    plan.fullness, plan.problem = min(float(told["fullness"]), 1e9), ""
    plan.save(update_fields=["planned_at", "edge_heard_at", "fullness", "problem"])
    if plan.leader == Leader.RETURNING and not told["is_leading"]:
        return _take_over(plan, seen)
    return True


def _take_over(plan: SitePlan, seen: Sequence[tuple[Outlet, Mapping[str, Any]]]) -> bool:
    """The edge has stopped: its ledger becomes ours. Not while it knows of a session that we have yet to hear of."""
    made: list[Limit] = []
    for outlet, place in seen:
        if not place["entries"]:
            continue
        sessions = ChargingSession.objects.filter(charger=outlet.charger_id, evse_id=outlet.evse_id)
        named = sessions.filter(transaction_id=place["transaction_id"]) if place["transaction_id"] else sessions
        session = named.order_by("-started_at").first()
        if session is None:
            log.warning("edge_knows_more", site=plan.site_id, charger=outlet.charger.identity)
            return False
        made += [_entry(outlet, session, entry) for entry in place["entries"]]
    _forget(plan)
    Limit.objects.bulk_create(made)
    _lead(plan, Leader.CLOUD)
    return True


def _entry(outlet: Outlet, session: ChargingSession, told: Mapping[str, Any]) -> Limit:
    expires_at = told["expires_at"]
    return Limit(
        outlet=outlet,
        session=session,
        kind={"floor": "floor", "lease": "lease"}[told["kind"]],
        limit_a=float(told["limit_a"]),
        sent_at=datetime.fromtimestamp(float(told["sent_at"]), UTC),
        expires_at=None if expires_at is None else datetime.fromtimestamp(float(expires_at), UTC),
        is_confirmed=bool(told["is_confirmed"]),
    )
