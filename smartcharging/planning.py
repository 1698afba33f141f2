"""Plan a site: read its books, share its power, send what the ledger allows. Every few seconds, or when news come.

Knows no broker and no OCPP: limits are commands in the outbox (`chargers.commands`), like those that staff give. One
planner at a time writes for a site (the row of its plan is locked, its version grows), and what an older plan left in
the outbox is withdrawn, so a charger never gets an old limit after a new one.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
import structlog
from django.db import transaction
from django.db.models import Q, prefetch_related_objects

from chargers import commands
from chargers.models import Command
from smartcharging import abilities, allocation, cars, day, leading, ledger, obedience, plan
from smartcharging.bookkeeping import Books, close_books, open_books
from smartcharging.grid import ImpossibleTree
from smartcharging.ledger import Order
from smartcharging.models import EnergyPrice, Limit, Outlet, SitePlan

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
DEBOUNCE = timedelta(seconds=1)
ORDER_TTL_S = 20  # what waits longer would carry an old plan
ASK_AGAIN = timedelta(seconds=60)


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
    count = _install_defaults(books)
    last_at = site_plan.planned_at
    given = share(books)
    targets, wanted, now = given.amperes, given.upper_a, at.timestamp()
    orders = books.ledger.decide(targets, now, order=np.argsort(-targets, kind="stable"))
    count += sum(_send(books, order) for order in orders)
    pauses = sum(
        outlet.is_queued and before[SHOWN.index("target_a")] > 0
        for outlet, before in zip(books.outlets, shown, strict=True)
    )
    day.record(books, given_a=np.minimum(targets, wanted), wanted_a=wanted, pauses=pauses, since=last_at)
    changed = [outlet for outlet, before in zip(books.outlets, shown, strict=True) if _shown(outlet) != before]
    Outlet.objects.bulk_update(changed, SHOWN)
    site_plan.version += 1
    site_plan.planned_at, site_plan.next_due_at = at, at + EVERY
    site_plan.fullness, site_plan.problem = min(books.ledger.fullness(now), 1e9), ""
    site_plan.save(update_fields=["version", "planned_at", "next_due_at", "fullness", "problem"])
    if site_plan.fullness > 1 + 1e-6:
        log.warning("site_not_safe", site=site_id, fullness=round(site_plan.fullness, 3))
    return count


SHOWN = ("enough_a", "target_a", "bound_by", "is_queued", "above_since", "is_wild")


_shown = attrgetter(*SHOWN)


def share(books: Books) -> cars.Given:
    """What each outlet should get now, and why not more: `Outlet.target_a`, ``bound_by``, ``is_queued``."""
    here = [_car(books, outlet) for outlet in books.outlets]
    ahead = partial(_plan_a, books) if books.plan.looks_ahead else None
    given = cars.share(books.ledger, here, books.at.timestamp(), volts=books.plan.volts, ahead=ahead)
    for index, (outlet, car) in enumerate(zip(books.outlets, here, strict=True)):
        outlet.target_a = float(given.amperes[index])
        outlet.bound_by, outlet.is_queued = given.bound_by[index], given.is_queued[index]
        if car is not None:
            outlet.enough_a = car.enough_a
    return given


def _car(books: Books, outlet: Outlet) -> cars.Car | None:
    session = books.session_of(outlet)
    if session is None:
        return None
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


def _plan_a(books: Books, network: allocation.Network, upper: allocation.Floats) -> allocation.Floats | None:
    rest_ah, left_h = np.zeros(len(upper)), np.full(len(upper), np.nan)
    for index, outlet in enumerate(books.outlets):
        session = books.session_of(outlet)
        needs = books.needs.get(session.pk) if session else None
        rest_ah[index] = upper[index] * plan.HORIZON_H
        if session and needs and needs.energy_wh is not None:
            rest_wh = max(0.0, needs.energy_wh - (session.energy_wh or 0))
            rest_ah[index] = rest_wh / (books.plan.volts * outlet.phases)
        if needs and needs.departs_at and needs.departs_at > books.at:
            left_h[index] = (needs.departs_at - books.at).total_seconds() / 3600
    try:
        return np.asarray(plan.ahead(network, upper, rest_ah, left_h, price=_prices(books))[:, 0])
    except ValueError as error:  # a site that bears nothing now: sharing says so as well
        log.info("no_plan_ahead", site=books.plan.site_id, error=str(error))
        return None


def _prices(books: Books) -> allocation.Floats | None:
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


# -- orders ------------------------------------------------------------------------------------------------------------


def _send(books: Books, order: Order) -> int:
    """Book a limit, then order it."""
    outlet = books.outlets[order.index]
    session = books.session_of(outlet)
    if session is None:
        return 0
    _withdraw(books, outlet, order.kind)
    expires_at = datetime.fromtimestamp(order.expires_at, UTC) if order.kind == "lease" else None
    is_sticky = books.ledger.outlets[order.index].is_sticky
    profile = _profile(outlet, order.kind, order.limit_a, books, until=expires_at)
    profile["session_id"] = session.pk
    row = Limit.objects.create(
        outlet=outlet,
        session=session,
        kind=order.kind,
        limit_a=order.limit_a,
        sent_at=books.at,
        expires_at=None if is_sticky else expires_at,
        command=_order(outlet, profile, via=f"plan {order.kind}"),
    )
    # In the ledger and in the outbox by one commit; nothing leaves before it.
    books.ledger.send(order, row.pk, books.at.timestamp())
    return 1


def _profile(
    outlet: Outlet, kind: str, limit_a: float, books: Books, *, until: datetime | None = None
) -> dict[str, Any]:
    watts_per_a = books.plan.volts * outlet.phases if outlet.charger_id in _in_watts(books) else None
    return leading.profile(kind, outlet.evse_id, limit_a, at=books.at, until=until, watts_per_a=watts_per_a)


def _in_watts(books: Books) -> frozenset[int]:
    """The chargers that take no amperes."""
    if books.in_watts is None:
        books.in_watts = abilities.without_amperes({outlet.charger_id for outlet in books.outlets})
    return books.in_watts


def _order(outlet: Outlet, profile: dict[str, Any], *, via: str) -> Command:
    return commands.request(
        outlet.charger,
        "set_profile",
        arguments={"evse_id": outlet.evse_id, "profile": profile},
        via=via,
        ttl_s=ORDER_TTL_S,
    )


def _withdraw(books: Books, outlet: Outlet, kind: str) -> None:
    """What an older plan left in the outbox is void."""
    waiting = books.waiting.pop((outlet.pk, kind), [])
    for command in Command.objects.filter(pk__in=waiting) if waiting else ():
        commands.cancel(command)


def _install_defaults(books: Books) -> int:
    """What a charger does without us is told to it first: until it has taken that, it counts with its cable.

    Another default is told as well: a lower one at once, a higher one only where all limits bear it.
    """
    count = 0
    wanted_a = books.plan.default_a
    worst: allocation.Floats | None = None  # reckoned when the first default is to be raised
    own = [
        None if place.default_a is None else books.defaults_a.get(outlet.pk)
        for outlet, place in zip(books.outlets, books.ledger.outlets, strict=True)
    ]
    untold = [n for n, own_a in enumerate(own) if own_a is None or abs(own_a - wanted_a) >= ledger.TELLING_A]
    prefetch_related_objects([books.outlets[n] for n in untold], "default_command")
    for index in untold:
        outlet, place, own_a = books.outlets[index], books.ledger.outlets[index], own[index]
        command = outlet.default_command
        is_asked = command is not None and (command.is_open or command.created_at > books.at - ASK_AGAIN)
        if outlet.trust == ledger.Trust.NONE or not place.is_online or is_asked:
            continue
        if own_a is not None and wanted_a > own_a:
            worst = books.ledger.worst_a(books.at.timestamp()) if worst is None else worst
            raised = worst.copy()
            raised[index] = max(worst[index], min(wanted_a, outlet.cable_a))
            if not books.ledger.network.bears(raised):
                continue  # it keeps the lower one
            worst = raised
        outlet.default_command = _order(outlet, _profile(outlet, "default", wanted_a, books), via="plan default")
        outlet.save(update_fields=["default_command"])
        # From now on it may hold it: nothing is granted in this plan that would not bear that.
        if place.default_a is not None:
            place.default_a = max(place.default_a, min(wanted_a, outlet.cable_a))
        count += 1
    return count
