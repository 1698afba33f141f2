"""How the power of a site is drawn up and told: its tree, its meter, what limits it from outside, what energy costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from django.db import transaction

from chargers.models import Charger, Site
from chargers.sentences import phrase
from smartcharging import grid, meter, planning
from smartcharging.models import CapacitySignal, EnergyPrice, LimitNode, Outlet, SitePlan

log = structlog.get_logger(__name__)

SETTINGS = ("is_on", "lease_s", "default_a", "volts", "looks_ahead", "building_worst_a")
NODE = ("l1_a", "l2_a", "l3_a", "limit_w", "buffer_a")
OUTLET = ("cable_a", "phases", "rotation", "trust")
MOST_W = 100_000_000.0

# Told to people, see chargers/sentences.py.
TWICE_IN_TREE = phrase("{identity}, EVSE {evse} hangs in the tree twice; one cable has one fuse.")
NOT_AT_SITE = phrase("{identities} does not stand at {site}; put it there first.")
phrase("A building draws three finite currents up to {most:g} A; not {told}.")  # `meter.checked`
NO_LIMIT = phrase("A limit is 0 to {most:g} W, not {told:g}.")
WAS_OVER = phrase("The limit of {who} was over at {until:%Y-%m-%d %H:%M} UTC; give a new one.")
OVER_BEFORE = phrase("The limit would be over at {until:%Y-%m-%d %H:%M} before it begins at {since:%Y-%m-%d %H:%M}.")


@transaction.atomic
def draw(
    site: Site,
    *,
    settings: Mapping[str, Any],
    nodes: Sequence[Mapping[str, Any]],
    outlets: Sequence[Mapping[str, Any]],
) -> SitePlan:
    """Draw a site's tree anew. Nodes are known by "name" and "parent", outlets by "charger" (identity) and "evse_id".

    What stays keeps its ledger. Raises `grid.ImpossibleTree`, and then nothing has changed.
    """
    chargers = planned(site, nodes=nodes, outlets=outlets)
    plan, _ = SitePlan.objects.update_or_create(
        site=site, defaults={name: settings[name] for name in SETTINGS if name in settings} | {"next_due_at": None}
    )
    rows = {node["name"]: _node(site, node) for node in nodes}
    for node in nodes:
        LimitNode.objects.filter(pk=rows[node["name"]].pk).update(parent=rows.get(node.get("parent") or ""))
    kept = [_outlet(rows[outlet["node"]], chargers[outlet["charger"]], outlet).pk for outlet in outlets]
    Outlet.objects.filter(node__site=site).exclude(pk__in=kept).delete()
    LimitNode.objects.filter(site=site).exclude(pk__in=[row.pk for row in rows.values()]).delete()
    planning.watch.forget()
    return plan


def planned(
    site: Site, *, nodes: Sequence[Mapping[str, Any]], outlets: Sequence[Mapping[str, Any]]
) -> dict[str, Charger]:
    """The chargers of a tree that can be; nothing is written. Raises `grid.ImpossibleTree`."""
    places = [(outlet["charger"], outlet["evse_id"]) for outlet in outlets]
    twice = sorted({place for place in places if places.count(place) > 1}) if len(set(places)) < len(places) else []
    if twice:
        raise grid.ImpossibleTree(TWICE_IN_TREE.format(identity=twice[0][0], evse=twice[0][1]))
    grid.Site(
        [
            grid.Node(
                node["name"], node["name"], (node["l1_a"], node.get("l2_a", 0.0), node.get("l3_a", 0.0)),
                node.get("parent"), limit_w=node.get("limit_w"), buffer_a=node.get("buffer_a", 0.0),
            )
            for node in nodes
        ],
        [
            grid.Place(
                f"{outlet['charger']}·{outlet['evse_id']}", outlet["node"], outlet.get("phases", 3),
                outlet.get("rotation", "RST"), outlet.get("cable_a", 32.0),
            )
            for outlet in outlets
        ],
    )  # fmt: skip
    return _chargers(site, {outlet["charger"] for outlet in outlets})


def _chargers(site: Site, identities: set[str]) -> dict[str, Charger]:
    found = {charger.identity: charger for charger in Charger.objects.filter(identity__in=identities, site=site)}
    missing = sorted(identities - found.keys())
    if missing:
        raise grid.ImpossibleTree(NOT_AT_SITE.format(identities=", ".join(missing), site=site.name))
    return found


def _node(site: Site, told: Mapping[str, Any]) -> LimitNode:
    values = {name: told[name] for name in NODE if name in told}
    return LimitNode.objects.update_or_create(site=site, name=told["name"], defaults=values)[0]


def _outlet(node: LimitNode, charger: Charger, told: Mapping[str, Any]) -> Outlet:
    values = {name: told[name] for name in OUTLET if name in told}
    return Outlet.objects.update_or_create(charger=charger, evse_id=told["evse_id"], defaults={"node": node, **values})[
        0
    ]


def building_told(site: Site, load_a: Sequence[float], *, measured_at: datetime, at: datetime) -> bool:
    """The meter of the building; False if what we have is newer, or the site has no plan. Negative is what it gives.

    A meter ahead of our clock counts as read now. Raises ValueError for what no meter shows.
    """
    checked = meter.checked(load_a)
    moment = min(measured_at, at)
    newer = SitePlan.objects.filter(site=site).exclude(building_at__gt=moment)
    is_taken = newer.update(building_a=list(checked), building_at=moment) == 1
    planning.call_for({site.pk}, at=at)
    return is_taken


def meter_told(site_id: int, payload: bytes, *, at: datetime, is_retained: bool = False) -> bool:
    """The meter of a building told something by MQTT, see `smartcharging.meter`; whether it counts.

    What cannot be used is left aside, with a line in the log; after a minute without more the worst counts.
    """
    plan = SitePlan.objects.filter(site=site_id).select_related("site").first()
    if plan is None:
        log.warning("meter_of_no_site", site=site_id)
        return False
    try:
        reading = meter.read(payload, volts=plan.volts, at=at, is_retained=is_retained)
    except ValueError as error:
        log.warning("meter_not_understood", site=site_id, error=str(error)[:300])
        return False
    return building_told(plan.site, reading.load_a, measured_at=reading.measured_at, at=at)


def limited(
    site: Site, *, source: str, limit_w: float, from_at: datetime, to_at: datetime | None, at: datetime
) -> CapacitySignal:
    """Somebody limits a site; the lowest of all that hold counts. Raises ValueError for a limit that makes no sense."""
    _require_sense(limit_w, from_at, to_at)
    signal = CapacitySignal.objects.create(
        site=site, source=source[:80], limit_w=limit_w, from_at=from_at, to_at=to_at, told_at=at
    )
    planning.call_for({site.pk}, at=at)
    return signal


def _require_sense(limit_w: float, from_at: datetime, to_at: datetime | None) -> None:
    if not math.isfinite(limit_w) or not 0 <= limit_w <= MOST_W:
        raise ValueError(NO_LIMIT.format(most=MOST_W, told=limit_w))
    if to_at is not None and to_at <= from_at:
        raise ValueError(OVER_BEFORE.format(until=to_at, since=from_at))


class IsOver(Exception):
    """A limit that holds no more cannot be changed; a sentence."""


@transaction.atomic
def change_limit(signal: CapacitySignal, told: Mapping[str, Any], *, at: datetime) -> CapacitySignal:
    """Another "limit_w" or "to_at". Raises IsOver, or ValueError for what makes no sense."""
    signal = CapacitySignal.objects.select_for_update().get(pk=signal.pk)
    if signal.to_at is not None and signal.to_at <= at:
        raise IsOver(WAS_OVER.format(who=signal.source, until=signal.to_at))
    limit_w, to_at = told.get("limit_w", signal.limit_w), told.get("to_at", signal.to_at)
    _require_sense(limit_w, signal.from_at, to_at)
    signal.limit_w, signal.to_at = limit_w, to_at
    signal.save(update_fields=["limit_w", "to_at"])
    planning.call_for({signal.site_id}, at=at)
    return signal


def end_limit(site: Site, signal_id: int, *, at: datetime) -> bool:
    """Nobody limits by this one any more; False if it was over."""
    running = CapacitySignal.objects.filter(pk=signal_id, site=site).exclude(to_at__lte=at)
    is_ended = running.update(to_at=at) == 1
    planning.call_for({site.pk}, at=at)
    return is_ended


@transaction.atomic
def price(site: Site, rows: Sequence[tuple[datetime, Decimal, float | None]]) -> int:
    """What a kWh costs from each moment on; replaces what was known from the first moment on."""
    if rows:
        EnergyPrice.objects.filter(site=site, from_at__gte=min(from_at for from_at, _, _ in rows)).delete()
    told = {from_at: (per_kwh, co2_g) for from_at, per_kwh, co2_g in rows}
    made = [
        EnergyPrice(site=site, from_at=from_at, per_kwh=per_kwh, co2_g_per_kwh=co2_g)
        for from_at, (per_kwh, co2_g) in told.items()
    ]
    return len(EnergyPrice.objects.bulk_create(made))
