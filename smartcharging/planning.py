"""Plan a site: read its books, share its power, send what the ledger allows. Every few seconds, or when news come.

Knows no broker and no OCPP: limits are commands in the outbox (`chargers.commands`), like those that staff give. One
planner at a time writes for a site (the row of its plan is locked, its version grows), and what an older plan left in
the outbox is withdrawn, so a charger never gets an old limit after a new one.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import numpy as np
import structlog
from django.db import transaction
from django.db.models import Q

from chargers.rows import rewrite
from sessions.models import ChargingSession
from smartcharging import allocation, day, ledger, obedience, orders, plan
from smartcharging.allocation import Floats
from smartcharging.bookkeeping import Books, close_books, open_books
from smartcharging.grid import ImpossibleTree
from smartcharging.models import EnergyPrice, Outlet, SitePlan

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
DEBOUNCE = timedelta(seconds=1)
PROBE_EVERY_MIN = 5
DRAWS_LESS = 0.8
SETTLED = timedelta(seconds=60)


def due(*, at: datetime) -> list[int]:
    """The sites to plan now."""
    waiting = SitePlan.objects.filter(Q(next_due_at=None) | Q(next_due_at__lte=at), is_on=True)
    return list(waiting.order_by("next_due_at").values_list("site", flat=True)[:200])


class Watch:
    """Which sites the news of a charger concern. Asked for each batch of frames, so it remembers for some seconds."""

    FRESH_S = 10.0

    def __init__(self) -> None:
        self._sites: dict[int, int] = {}
        self._read_at = -self.FRESH_S

    def sites_of(self, charger_ids: Collection[int]) -> set[int]:
        if time.monotonic() - self._read_at >= self.FRESH_S:
            led = Outlet.objects.filter(node__site__plan__is_on=True)
            self._sites = dict(led.values_list("charger", "node__site"))
            self._read_at = time.monotonic()
        return {self._sites[pk] for pk in charger_ids if pk in self._sites}

    def forget(self) -> None:
        self._read_at = -self.FRESH_S


watch = Watch()


def call_for(site_ids: Collection[int], *, at: datetime) -> set[int]:
    """Have sites planned in a moment; those of them for which nobody has called yet."""
    soon = at + DEBOUNCE
    called = set()
    for site_id in site_ids:
        later = SitePlan.objects.filter(Q(next_due_at=None) | Q(next_due_at__gt=soon), site=site_id, is_on=True)
        if later.update(next_due_at=soon):
            called.add(site_id)
    return called


@transaction.atomic
def plan_site(site_id: int, *, at: datetime) -> int:
    """Plan a site and put what follows into the outbox; how many orders. Safe to repeat at any time."""
    site_plan = SitePlan.objects.select_for_update().filter(site=site_id, is_on=True).first()
    if site_plan is None:
        return 0
    try:
        books = open_books(site_plan, at=at, ahead_s=site_plan.lease_s)
    except ImpossibleTree as error:
        log.warning("site_cannot_be_planned", site=site_id, error=str(error))
        SitePlan.objects.filter(pk=site_plan.pk).update(problem=str(error)[:500], next_due_at=at + EVERY)
        return 0
    shown = [_shown(outlet) for outlet in books.outlets]
    obedience.watch(books)
    close_books(books)
    count = orders.install_defaults(books)
    targets, wanted = share(books)
    now = at.timestamp()
    count += orders.send(books, books.ledger.decide(targets, now, order=np.argsort(-targets, kind="stable")))
    worst = books.ledger.worst_a(now)
    pauses = _show(books, shown)
    given = np.minimum(targets, wanted)
    day.record(books, given_a=given, wanted_a=wanted, worst_a=worst, pauses=pauses, since=site_plan.planned_at)
    site_plan.version += 1
    site_plan.planned_at, site_plan.next_due_at = at, at + EVERY
    site_plan.fullness, site_plan.problem = min(books.ledger.fullness(now, worst), 1e9), ""
    site_plan.save(update_fields=["version", "planned_at", "next_due_at", "fullness", "problem"])
    if site_plan.fullness > 1 + 1e-6:
        log.warning("site_not_safe", site=site_id, fullness=round(site_plan.fullness, 3))
    return count


SHOWN = ("enough_a", "target_a", "bound_by", "is_queued", "above_since", "is_wild")
_shown = attrgetter(*SHOWN)


def _show(books: Books, before: Sequence[tuple[Any, ...]]) -> int:
    """Keep what pages show of each outlet, where it changed; how many have to pause from now on."""
    changed = [(outlet, was) for outlet, was in zip(books.outlets, before, strict=True) if _shown(outlet) != was]
    rewrite([outlet for outlet, _ in changed], SHOWN)
    return sum(outlet.is_queued and was[SHOWN.index("target_a")] > 0 for outlet, was in changed)


def share(books: Books) -> tuple[Floats, Floats]:
    """What each outlet should get now, and what its car wants; and why not more: `Outlet.target_a`, ``bound_by``,
    ``is_queued``.

    A car wants what it needs to be full when it leaves; where it has not said that, all that it can take.
    """
    count, busy = len(books.outlets), books.busy
    upper, need, holds = np.zeros(count), np.full(count, np.nan), np.zeros(count)
    for index, session in busy:
        place = books.ledger.outlets[index]
        upper[index] = upper_a(books, index, session)
        need[index] = _need_a(books, index, session)
        holds[index] = place.lease.worst_a() + place.floor.worst_a()
    network = books.ledger.for_share(books.at.timestamp())
    shares = allocation.share(
        network,
        upper,
        need_a=need,
        plan_a=_plan_a(books, network, upper) if books.plan.looks_ahead else None,
        # Who charges goes on; of the others, who needs most comes first.
        urgency=np.where(holds > 0, 1000.0, 0.0) + np.nan_to_num(need),
    )
    found = zip(shares.amperes.tolist(), shares.bound_by.tolist(), shares.is_admitted.tolist(), strict=True)
    for outlet, most_a, (target_a, bound, is_admitted) in zip(books.outlets, upper.tolist(), found, strict=True):
        outlet.target_a = target_a
        outlet.bound_by = network.names[bound][:160] if bound >= 0 else ""
        outlet.is_queued = most_a > 0 and not is_admitted
    return shares.amperes, np.where(np.isnan(need), upper, np.minimum(upper, need))


def upper_a(books: Books, index: int, session: ChargingSession) -> float:
    """What a car can take: the cable, what it said of itself, and little more than what it draws if that is less."""
    outlet, place = books.outlets[index], books.ledger.outlets[index]
    if not place.is_led or not place.is_online:
        return 0.0
    needs = books.needs.get(session.pk)
    most = min(outlet.cable_a, (needs.parameters.get("current_max_a") or 1e6) if needs else 1e6)
    outlet.enough_a = _enough_a(books, outlet, session, place.lease.last or place.floor.last)
    return most if outlet.enough_a is None else float(min(most, outlet.enough_a))


def _enough_a(books: Books, outlet: Outlet, session: ChargingSession, last: ledger.Entry | None) -> float | None:
    """What is left by a car that draws less than it may goes to others; now and then it is offered more again."""
    drawn_a: float | None = getattr(session, "drawn_a", None)
    if drawn_a is None or last is None or books.at.minute % PROBE_EVERY_MIN == 0:
        return None
    if outlet.enough_a is not None and drawn_a < outlet.enough_a - 1.0:
        return outlet.enough_a
    measured_at: datetime = session.drawn_at  # type: ignore[attr-defined]
    is_settled = last.is_confirmed and measured_at.timestamp() - last.sent_at >= SETTLED.total_seconds()
    return max(6.0, drawn_a + 2.0) if is_settled and drawn_a < DRAWS_LESS * last.limit_a else None


def _need_a(books: Books, index: int, session: ChargingSession) -> float:
    needs = books.needs.get(session.pk)
    if needs is None or needs.energy_wh is None or needs.departs_at is None:
        return float("nan")
    left_s = (needs.departs_at - books.at).total_seconds()
    if left_s <= 0:
        return float("nan")  # it is still here; nobody knows for how long
    rest_wh = max(0.0, needs.energy_wh - (session.energy_wh or 0))
    phases = books.outlets[index].phases
    return float(allocation.need_a(np.array(rest_wh), np.array(left_s), books.plan.volts, phases))


def _plan_a(books: Books, network: allocation.Network, upper: Floats) -> Floats | None:
    rest_ah, left_h = upper * plan.HORIZON_H, np.full(len(upper), np.nan)
    for index, session in books.busy:
        needs = books.needs.get(session.pk)
        if needs and needs.energy_wh is not None:
            rest_wh = max(0.0, needs.energy_wh - (session.energy_wh or 0))
            rest_ah[index] = rest_wh / (books.plan.volts * books.outlets[index].phases)
        if needs and needs.departs_at and needs.departs_at > books.at:
            left_h[index] = (needs.departs_at - books.at).total_seconds() / 3600
    try:
        return np.asarray(plan.ahead(network, upper, rest_ah, left_h, price=_prices(books))[:, 0])
    except ValueError as error:  # a site that bears nothing now: sharing says so as well
        log.info("no_plan_ahead", site=books.plan.site_id, error=str(error))
        return None


def _prices(books: Books) -> Floats | None:
    """Of each quarter of an hour ahead, as shares of a worth that is twice the dearest: late is better than dear, and
    dear better than nothing.
    """
    rows = EnergyPrice.objects.filter(site=books.plan.site_id, from_at__lte=books.at + timedelta(hours=plan.HORIZON_H))
    told = list(rows.order_by("from_at").values_list("from_at", "per_kwh"))
    if not told:
        return None
    starts = [from_at.timestamp() for from_at, _ in told]
    slots = books.at.timestamp() + 900.0 * np.arange(int(plan.HORIZON_H * 4))
    index = np.clip(np.searchsorted(starts, slots, side="right") - 1, 0, None)
    prices = np.array([float(per_kwh) for _, per_kwh in told])[index]
    return np.asarray(prices / (2 * max(float(np.abs(prices).max()), 1e-9)))
