"""How a site shares its power, for its page: each limit with what is left of it, each EVSE with what holds it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from chargers.models import Site
from smartcharging import day, handover
from smartcharging.bookkeeping import Books, open_books
from smartcharging.grid import Building, ImpossibleTree, is_power
from smartcharging.models import Probe, SitePlan


def of_site(site: Site, *, at: datetime) -> dict[str, Any]:
    """``plan`` (None: the site was never drawn), ``limits``, ``outlets``; both read only if the page shows them."""
    plan = SitePlan.objects.filter(site=site).first()
    if plan is None:
        return {"plan": None}
    try:
        books = open_books(plan, at=at, ahead_s=plan.lease_s)
    except ImpossibleTree:  # `problem` says so
        return {"plan": plan, "limits": [], "outlets": []}
    by_outlet = handover.worst_a(books)
    worst = np.array([by_outlet[outlet.id] for outlet in books.outlets], float)
    probes = _probes(site)
    return {
        "plan": plan,
        "limits": _limits(books, worst, at),
        "outlets": _outlets(books, worst, probes),
        "is_trying": any(probe.state != Probe.State.DONE for probe in probes.values()),
    }


def _probes(site: Site) -> dict[int, Probe]:
    """The latest of each outlet."""
    rows = Probe.objects.filter(outlet__node__site=site).order_by("began_at")
    return {probe.outlet_id: probe for probe in rows}


def _limits(books: Books, worst: np.ndarray, at: datetime) -> list[dict[str, Any]]:
    """Each limit with what it bears, what building and cars take of it now, what cars may take at worst, and the rest.

    In A of one phase, or in W of all of them.
    """
    network, plan = books.ledger.network, books.plan
    alone = replace(books.site, building=Building()).network(at, ahead=timedelta(seconds=plan.lease_s))
    worst_a = network.loads_a(worst)
    amounts_a = np.array([
        alone.limits_a, alone.limits_a - network.limits_a, network.loads_a(day.drawn_a(books)),
        worst_a, network.limits_a - worst_a,
    ])  # fmt: skip
    return [_limit(name, row, plan.volts) for name, row in zip(network.names, amounts_a.T.tolist(), strict=True)]


def _limit(name: str, amounts_a: list[float], volts: float) -> dict[str, Any]:
    amounts = [amount * volts for amount in amounts_a] if is_power(name) else amounts_a
    return {"name": name, "is_power": is_power(name), "amounts": amounts}


def _outlets(books: Books, worst: np.ndarray, probes: dict[int, Probe]) -> list[dict[str, Any]]:
    return [
        {
            "pk": outlet.pk,
            "trust": outlet.trust,
            "probe": probes.get(outlet.pk),
            "charger": outlet.charger.identity,
            "evse_id": outlet.evse_id,
            "target_a": outlet.target_a,
            "worst_a": worst_a,
            "is_queued": outlet.is_queued,
            "is_wild": outlet.is_wild,
            "bound_by": outlet.bound_by,
        }
        for outlet, worst_a in zip(books.outlets, worst.tolist(), strict=True)
    ]
