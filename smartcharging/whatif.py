"""A recorded day of a site played again: as it was drawn, and with another connection or more cars."""

from __future__ import annotations

import random
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from chargers.models import Site
from chargers.sentences import phrase
from sessions.models import ChargingSession
from smartcharging import replay
from smartcharging.bookkeeping import drawn
from smartcharging.grid import Building
from smartcharging.models import LimitNode, Outlet, SitePlan, SiteSample
from smartcharging.replay import Days, Played, Rules, Stay

STEP = timedelta(seconds=replay.STEP_S)
MOST_CARS = 200

# Told to people, see chargers/sentences.py.
NOT_DRAWN = phrase("The limits of {site} are not drawn yet.")


class NothingToPlay(ValueError):
    """The site was never drawn, or nobody charged that day; a sentence."""


@dataclass(slots=True, frozen=True)
class Change:
    """``limit_a``: of the grid connection, on each of its phases; None: as it is. ``cars``: more a day."""

    limit_a: float | None = None
    cars: int = 0
    looks_ahead: bool = False


@dataclass(slots=True, frozen=True)
class Answer:
    before: Played
    after: Played
    stays: int
    limit_a: float  # as it is


def ask(site: Site, since: datetime, until: datetime, change: Change) -> Answer:
    """What would have been. Raises NothingToPlay, or `grid.ImpossibleTree`."""
    plan = SitePlan.objects.filter(site=site).first()
    nodes = list(LimitNode.objects.filter(site=site))
    if plan is None or not nodes:
        raise NothingToPlay(NOT_DRAWN.format(site=site.name))
    outlets = list(Outlet.objects.filter(node__site=site).select_related("node"))
    stays = _stays(outlets, since, until, plan.volts)
    if not stays:
        raise NothingToPlay(phrase("No session that drew anything was recorded at its EVSEs on that day."))
    root = next(node for node in nodes if node.parent_id is None)
    before = _days(plan, nodes, outlets, stays, since, until)
    more_outlets, more_stays = _more(root, outlets, stays, change.cars)
    after = _days(plan, _resized(nodes, change.limit_a), more_outlets, more_stays, since, until)
    as_now = Rules(is_whole=True, looks_ahead=plan.looks_ahead)
    as_asked = replace(as_now, looks_ahead=change.looks_ahead or plan.looks_ahead)
    return Answer(replay.play(before, as_now), replay.play(after, as_asked), len(stays), root.l1_a)


def _stays(outlets: list[Outlet], since: datetime, until: datetime, volts: float) -> list[Stay]:
    index = {(outlet.charger_id, outlet.evse_id): n for n, outlet in enumerate(outlets)}
    sessions = ChargingSession.objects.filter(
        charger__in={outlet.charger_id for outlet in outlets}, started_at__gte=since, started_at__lt=until,
        energy_wh__gt=0,
    ).order_by("started_at")  # fmt: skip
    stays = []
    for session in sessions:
        place = index.get((session.charger_id, session.evse_id))
        if place is None:
            continue
        arrival = int((session.started_at - since) / STEP)
        departure = int((min(session.stopped_at or until, until + timedelta(days=1)) - since) / STEP)
        watts_per_a = volts * outlets[place].phases
        car_a = max(6.0, session.power_max_w / watts_per_a) if session.power_max_w else np.inf
        stays.append(Stay(place, arrival, max(departure, arrival + 1), float(session.energy_wh or 0), float(car_a)))
    return stays


def _resized(nodes: list[LimitNode], limit_a: float | None) -> list[LimitNode]:
    """With another fuse at the grid connection; what hangs below bears no more than that."""
    if limit_a is None:
        return nodes
    resized = []
    for node in map(copy, nodes):
        for phase in ("l1_a", "l2_a", "l3_a"):
            now = getattr(node, phase)
            setattr(node, phase, (limit_a if node.parent_id is None else min(now, limit_a)) if now else 0.0)
        resized.append(node)
    return resized


def _more(root: LimitNode, outlets: list[Outlet], stays: list[Stay], cars: int) -> tuple[list[Outlet], list[Stay]]:
    """More cars at EVSEs of their own on the connection, each like one of those that came."""
    chance = random.Random(1)  # noqa: S311 - the same question has the same answer
    phases = sum(limit > 0 for limit in (root.l1_a, root.l2_a, root.l3_a))
    extra = [Outlet(node=root, evse_id=1, phases=phases) for _ in range(min(cars, MOST_CARS))]
    more = [replace(chance.choice(stays), index=len(outlets) + n) for n in range(len(extra))]
    return [*outlets, *extra], [*stays, *more]


def _days(
    plan: SitePlan, nodes: list[LimitNode], outlets: list[Outlet], stays: list[Stay], since: datetime, until: datetime
) -> Days:
    site = drawn(plan, nodes, outlets, signals=[])
    site.building = Building()
    network = site.network(since)
    # How much each limit loses for an ampere of the building on each phase.
    per_ampere = []
    for phase in range(3):
        site.building = Building(worst_a=tuple(float(phase == n) for n in range(3)))  # type: ignore[arg-type]
        per_ampere.append(network.limits_a - site.network(since).limits_a)
    building = _building(plan, since, until)
    limits = network.limits_a - building @ np.array(per_ampere)
    return Days(
        network,
        stays,
        volts=np.array([plan.volts * outlet.phases for outlet in outlets], float),
        evse_a=np.array([outlet.cable_a for outlet in outlets], float),
        car_a=np.array([outlet.cable_a for outlet in outlets], float),
        limits_a=limits,
    )


def _building(plan: SitePlan, since: datetime, until: datetime) -> np.ndarray:
    """Steps × phases, as recorded; where nothing was, the worst."""
    worst = [*(plan.building_worst_a or []), 0.0, 0.0, 0.0][:3]
    load = np.tile(np.array(worst, float), (max(1, int((until - since) / STEP)), 1))
    for at, building_a in SiteSample.objects.filter(site=plan.site_id, at__gte=since, at__lt=until).values_list(
        "at", "building_a"
    ):
        load[int((at - since) / STEP)] = building_a
    return load
