"""Plan a site: read its books, share its power, send what the ledger allows. Every few seconds, or when news come.

Knows no broker and no OCPP: limits are commands in the outbox (`chargers.commands`), like those that staff give. One
planner at a time writes for a site (the row of its plan is locked, its version grows), and what an older plan left in
the outbox is withdrawn, so a charger never gets an old limit after a new one.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
import structlog
from django.db import transaction
from django.db.models import Q
from numpy.typing import NDArray

from chargers.rows import rewrite
from sessions.models import ChargingSession
from smartcharging import allocation, cars, day, obedience, orders, plan
from smartcharging.allocation import Floats
from smartcharging.bookkeeping import Books, close_books, open_books
from smartcharging.grid import ImpossibleTree
from smartcharging.models import EnergyPrice, Leader, Outlet, SitePlan

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
DEBOUNCE = timedelta(seconds=1)


def due(*, at: datetime) -> list[int]:
    """The sites to plan now."""
    waiting = SitePlan.objects.filter(Q(next_due_at=None) | Q(next_due_at__lte=at), is_on=True, leader=Leader.CLOUD)
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
    # A site that an edge leads is none of ours, see `smartcharging.handover`.
    site_plan = SitePlan.objects.select_for_update().filter(site=site_id, is_on=True, leader=Leader.CLOUD).first()
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
    given, now = share(books), at.timestamp()
    targets = given.amperes
    count += orders.send(books, books.ledger.decide(targets, now, order=np.argsort(-targets, kind="stable")))
    worst = books.ledger.worst_a(now)
    pauses = _show(books, shown)
    day.record(books, given, worst_a=worst, pauses=pauses, since=site_plan.planned_at)
    site_plan.version += 1
    site_plan.planned_at, site_plan.next_due_at = at, at + EVERY
    site_plan.problem = ""
    if not site_plan.fill(books.ledger.fullness(now, worst), at=at):
        log.warning("site_not_safe", site=site_id, fullness=round(site_plan.fullness, 3))
    site_plan.save(update_fields=["version", "planned_at", "next_due_at", "fullness", "unsafe_since", "problem"])
    return count


SHOWN = ("enough_a", "target_a", "bound_by", "is_queued", "above_since", "is_wild")
_shown = attrgetter(*SHOWN)


def _show(books: Books, before: Sequence[tuple[Any, ...]]) -> int:
    """Keep what pages show of each outlet, where it changed; how many have to pause from now on."""
    changed = [(outlet, was) for outlet, was in zip(books.outlets, before, strict=True) if _shown(outlet) != was]
    rewrite([outlet for outlet, _ in changed], SHOWN)
    return sum(outlet.is_queued and was[SHOWN.index("target_a")] > 0 for outlet, was in changed)


def share(books: Books) -> cars.Given:
    """What each outlet should get now, and why not more: `Outlet.target_a`, ``bound_by``, ``is_queued``."""
    here: list[cars.Car | None] = [None] * len(books.outlets)
    for index, session in books.busy:
        here[index] = _car(books, books.outlets[index], session)
    ahead = partial(_foresee, books) if books.plan.looks_ahead else None
    given = cars.share(books.ledger, here, books.at.timestamp(), volts=books.plan.volts, ahead=ahead)
    found = zip(books.outlets, here, given.amperes.tolist(), given.bound_by, given.is_queued, strict=True)
    for outlet, car, target_a, bound_by, is_queued in found:
        outlet.target_a, outlet.bound_by, outlet.is_queued = target_a, bound_by, is_queued
        if car is not None:
            outlet.enough_a = car.enough_a
    return given


def _car(books: Books, outlet: Outlet, session: ChargingSession) -> cars.Car:
    needs = books.needs.get(session.pk)
    said_a = (needs.parameters.get("current_max_a") if needs else None) or 1e6
    car = cars.Car(min(outlet.cable_a, said_a), outlet.phases, enough_a=outlet.enough_a)
    drawn_a: float | None = getattr(session, "drawn_a", None)
    if drawn_a is not None:
        car.drawn_a, car.drawn_at = drawn_a, session.drawn_at.timestamp()  # type: ignore[attr-defined]
    if needs and needs.energy_wh is not None:
        car.rest_wh = max(0.0, needs.energy_wh - (session.energy_wh or 0))
    if needs and needs.departs_at is not None:
        car.departs_at = needs.departs_at.timestamp()
    return car


def _foresee(books: Books, network: allocation.Network, upper: Floats) -> cars.Foresight | None:
    rest_ah, left_h = upper * plan.HORIZON_H, np.full(len(upper), np.nan)
    for index, session in books.busy:
        needs = books.needs.get(session.pk)
        if needs and needs.energy_wh is not None:
            rest_wh = max(0.0, needs.energy_wh - (session.energy_wh or 0))
            rest_ah[index] = rest_wh / (books.plan.volts * books.outlets[index].phases)
        if needs and needs.departs_at and needs.departs_at > books.at:
            left_h[index] = (needs.departs_at - books.at).total_seconds() / 3600
    prices = _prices(books)
    try:
        planned = np.asarray(plan.ahead(network, upper, rest_ah, left_h, price=prices)[:, 0])
    except ValueError as error:  # a site that bears nothing now: sharing says so as well
        log.info("no_plan_ahead", site=books.plan.site_id, error=str(error))
        return None
    # Less than an ampere is a rest of arithmetic.
    return cars.Foresight(np.where(planned < 1.0, 0.0, planned), _waits(books, left_h, prices))


def _waits(books: Books, left_h: Floats, prices: Floats | None) -> NDArray[np.bool_]:
    """Who said what it needs and when it leaves, and will see a cheaper quarter of an hour than this one."""
    knows = np.zeros(len(left_h), bool)
    if prices is None:
        return knows
    for index, session in books.busy:
        needs = books.needs.get(session.pk)
        knows[index] = needs is not None and needs.energy_wh is not None and not np.isnan(left_h[index])
    last = np.ceil(np.nan_to_num(left_h) * 4).astype(int) - 1
    cheapest = np.minimum.accumulate(prices)[np.clip(last, 0, len(prices) - 1)]
    return np.asarray(knows & (cheapest < prices[0] - 1e-9))


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
