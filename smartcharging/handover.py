"""Who leads a site: the cloud's planner, or an edge at the site (`gateway.edge`). What each tells the other.

One leads at a time. `give` ends the planner's lead in the transaction that begins the edge's; its ledger goes along in
the *brief*. `take` asks for it back, and the planner leads again once the edge has said, in a *report* with its ledger,
that it has stopped. Each change has a new epoch, and whoever hears an older one leaves it aside.

What the planner ordered before may still be on its way then, and come to a charger after what the edge orders. So it
goes along with the ids of its messages: the edge counts it until it has seen it pass, or it is over
(`smartcharging.ledger.IN_POST`). On the way back nothing crosses: what the edge ordered left before its report, and by
the same broker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from chargers import commands
from chargers.models import Command, CommandStatus, Site
from chargers.sentences import phrase
from sessions.models import ChargingSession
from smartcharging import abilities, bookkeeping, day, leading, sampling
from smartcharging.bookkeeping import Books
from smartcharging.held import Beside
from smartcharging.ledger import FLOOR_A, Entry
from smartcharging.models import InstalledProfile, LeadChange, Leader, Limit, Outlet, SitePlan

log = structlog.get_logger(__name__)

BRIEF = "chargeyard.site-brief.v1"
REPORT = "chargeyard.site-report.v1"
SILENT_AFTER = timedelta(seconds=60)
OURS = ("plan default", "plan floor", "plan lease")
OF_OUTLET = ("target_a", "bound_by", "is_queued", "is_wild", "edge_worst_a")
REPORTED = (
    *("planned_at", "edge_heard_at", "edge_version", "edge_kept_frames", "edge_sample"),
    *("fullness", "unsafe_since", "problem"),
)

# Told to people, see chargers/sentences.py.
THE_EDGE = phrase("the edge, which has stopped")
NOT_SHARED = phrase("{site} does not share its power; draw its limits and switch sharing on first.")
ON_ITS_WAY = phrase("{site} is on its way back from its edge; wait for its report, or say that it is off.")


class NotNow(RuntimeError):
    """Who leads cannot change now; the text says why, and the way out."""


@transaction.atomic
def give(site: Site, *, at: datetime, by: str = "") -> SitePlan:
    """From now on the edge leads. Safe to repeat. ``by``: who asks for it. Raises NotNow."""
    plan = SitePlan.objects.select_for_update().filter(site=site).first()
    if plan is None or not plan.is_on:
        raise NotNow(NOT_SHARED.format(site=site.name))
    if plan.leader == Leader.RETURNING:
        raise NotNow(ON_ITS_WAY.format(site=site.name))
    if plan.leader == Leader.CLOUD:
        waiting = Command.objects.filter(charger__outlets__node__site=site, status=CommandStatus.PENDING)
        for command in waiting.filter(requested_via__in=OURS).distinct():
            commands.cancel(command)
        _lead(plan, Leader.EDGE, at=at, by=by)
    return plan


@transaction.atomic
def take(site: Site, *, at: datetime, is_edge_off: bool = False, by: str = "") -> SitePlan:
    """Ask for the lead back. Safe to repeat. Raises NotNow.

    ``is_edge_off``: whoever asks has seen that the edge does not run, and cannot be heard; then all that it may have
    left behind counts: the floor of each session, and for the length of a lease its cable.
    """
    plan = SitePlan.objects.select_for_update().filter(site=site).first()
    if plan is None:
        raise NotNow(NOT_SHARED.format(site=site.name))
    if plan.leader == Leader.EDGE:
        _lead(plan, Leader.RETURNING, at=at, by=by)
    if plan.leader == Leader.RETURNING and is_edge_off:
        _forget(plan)
        ends_at = at + timedelta(seconds=plan.lease_s)
        for outlet, session in _running(plan):
            Limit.objects.create(outlet=outlet, session=session, kind="floor", limit_a=FLOOR_A, sent_at=at)
            expires_at = ends_at if outlet.trust == "A" else None
            Limit.objects.create(
                outlet=outlet, session=session, kind="lease", limit_a=outlet.cable_a, sent_at=at, expires_at=expires_at
            )
        _lead(plan, Leader.CLOUD, at=at, by=by, is_edge_off=True)
    return plan


def is_edge_silent(plan: SitePlan, *, at: datetime) -> bool:
    """It leads, and its last report is older than a few of them would be."""
    return plan.leader != Leader.CLOUD and (plan.edge_heard_at is None or at - plan.edge_heard_at > SILENT_AFTER)


def _lead(plan: SitePlan, leader: Leader, *, at: datetime, by: str, is_edge_off: bool = False) -> None:
    is_returned = plan.leader == Leader.RETURNING and leader == Leader.CLOUD
    plan.leader = leader
    plan.epoch += 0 if is_returned else 1  # the edge has been told this one already
    plan.next_due_at = plan.edge_heard_at = None
    plan.save(update_fields=["leader", "epoch", "next_due_at", "edge_heard_at"])
    LeadChange.objects.create(
        site_id=plan.site_id, at=at, epoch=plan.epoch, leader=leader, by=by[:160], is_edge_off=is_edge_off
    )
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


def worst_a(books: Books) -> dict[int, float]:
    """The most that each outlet may draw, as the ledger of whoever leads has it."""
    if books.plan.leader == Leader.CLOUD:
        now = books.at.timestamp()
        return {o.id: place.worst_a(now) for o, place in zip(books.outlets, books.ledger.outlets, strict=True)}
    told = dict(Outlet.objects.filter(node__site=books.plan.site_id).values_list("pk", "edge_worst_a"))
    return {o.id: o.cable_a if (worst := told.get(o.id)) is None else worst for o in books.outlets}


# -- the brief ---------------------------------------------------------------------------------------------------------


def brief(plan: SitePlan, *, at: datetime) -> dict[str, Any]:
    """What the edge of a site has to know, see `gateway.edge.brief`. Raises `grid.ImpossibleTree`."""
    books = bookkeeping.open_books(plan, at=at, ahead_s=plan.lease_s)
    post, held = bookkeeping.in_post(books), bookkeeping.beside_ledger(books)
    in_watts = abilities.without_amperes({outlet.charger_id for outlet in books.outlets})
    return {
        "schema": BRIEF,
        "site": plan.site_id,
        "epoch": plan.epoch,
        "leader": "edge" if plan.leader == Leader.EDGE and plan.is_on else "cloud",
        "is_adopted": plan.edge_heard_at is not None,
        "sampled": [plan.edge_sample["at"], plan.edge_sample["since"]] if plan.edge_sample else None,
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
            _outlet(books, index, held, post, in_watts=outlet.charger_id in in_watts)
            for index, outlet in enumerate(books.outlets)
        ],
    }  # fmt: skip


def _outlet(books: Books, index: int, held: Beside, post: Mapping[int, UUID], *, in_watts: bool) -> dict[str, Any]:
    outlet, place = books.outlets[index], books.ledger.outlets[index]
    session, charger_id = books.running[index], outlet.charger.id
    return {
        "charger": outlet.charger.identity, "evse_id": outlet.evse_id, "version": outlet.charger.ocpp_version,
        "node": outlet.node_id, "cable_a": outlet.cable_a, "phases": outlet.phases, "rotation": outlet.rotation,
        "trust": outlet.trust, "is_wild": outlet.is_wild, "skew_s": place.skew_s, "in_watts": in_watts,
        "others_a": held.others_a(charger_id, outlet), "default_a": books.defaults_a[index],
        "default_doubt_a": held.default_doubt_a(charger_id, outlet),
        "transaction_id": session.transaction_id if session else None,
        "needs": _needs(books, session) if session else {},
        "entries": [
            _told(kind, entry, post) for kind in ("floor", "lease") for entry in place.slot(kind).entries
        ],
    }  # fmt: skip


def _told(kind: str, entry: Entry, post: Mapping[int, UUID]) -> dict[str, Any]:
    """One without an answer goes along with its message: it may come to the charger later than what the edge orders."""
    is_in_post = not entry.is_confirmed and entry.number in post
    return {
        "kind": kind, "number": 0, "limit_a": entry.limit_a, "sent_at": entry.sent_at,
        "expires_at": None if entry.expires_at == float("inf") else entry.expires_at,
        "is_confirmed": entry.is_confirmed,
        **({"message_id": str(post[entry.number])} if is_in_post else {}),
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
        outlet.target_a, outlet.bound_by = _figure(place["target_a"]), str(place["bound_by"])[:160]
        outlet.is_queued, outlet.is_wild = bool(place["is_queued"]), bool(place["is_wild"])
        outlet.edge_worst_a = _figure(place["worst_a"])
    Outlet.objects.bulk_update([outlet for outlet, _ in seen], OF_OUTLET)
    plan.planned_at = plan.edge_heard_at = at
    plan.edge_version = str(told.get("version", ""))[:32]
    plan.edge_kept_frames = min(max(0, int(told.get("kept_frames", 0))), 2**31 - 1)
    plan.fill(_figure(told["fullness"]), at=at)
    plan.problem = ""
    day.told_by_edge(plan, [sampling.read(sample) for sample in told.get("samples", ())], at=at)
    plan.save(update_fields=REPORTED)
    if plan.leader == Leader.RETURNING and not told["is_leading"]:
        return _take_over(plan, seen, at=at)
    return True


def _figure(told: Any) -> float:
    """Raises ValueError for what is no share and no current."""
    value = float(told)
    if not 0 <= value < math.inf:
        raise ValueError(f"{told!r} is told where a figure from 0 on belongs.")
    return value


def _take_over(plan: SitePlan, seen: Sequence[tuple[Outlet, Mapping[str, Any]]], *, at: datetime) -> bool:
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
    _lead(plan, Leader.CLOUD, at=at, by=THE_EDGE)
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
