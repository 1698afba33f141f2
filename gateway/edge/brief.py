"""What the cloud tells a site's edge: the tree, the limits from outside, what cars need, and who leads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from smartcharging import grid, ledger, meter

SCHEMA = "chargeyard.site-brief.v1"


class NoBrief(ValueError):
    """What came cannot be used; the text says why."""


@dataclass(slots=True, frozen=True)
class Outlet:
    """An EVSE. ``others_a``: the most that profiles of others may allow there. ``entries`` and ``default_a`` are what
    the cloud had in its ledger when it handed over; an entry with a ``message_id`` may still be on its way, and so may
    a default of ``default_doubt_a``. ``needs``: what the car of the session ``transaction_id`` said.
    """

    charger: str
    evse_id: int
    version: str
    node: int
    cable_a: float
    phases: int
    rotation: str
    trust: ledger.Trust
    is_wild: bool
    skew_s: float
    in_watts: bool
    others_a: float
    default_a: float | None
    transaction_id: str | None
    needs: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...]
    default_doubt_a: float = 0.0

    @property
    def place(self) -> str:
        return place_of(self.charger, self.evse_id)


@dataclass(slots=True, frozen=True)
class Brief:
    """``leader``: edge or cloud. ``is_adopted``: the cloud has heard from an edge in this epoch. ``sampled``: so far it
    has what the edge saw, see `gateway.edge.daybook`.
    """

    site: int
    epoch: int
    leader: str
    is_adopted: bool
    told_at: float
    lease_s: float
    default_a: float
    volts: float
    building_worst_a: tuple[float, float, float]
    nodes: tuple[grid.Node, ...]
    signals: tuple[grid.Signal, ...]
    outlets: tuple[Outlet, ...]
    sampled: tuple[float, float] = (0.0, 0.0)

    @property
    def leads(self) -> bool:
        return self.leader == "edge"


def place_of(charger: str, evse_id: int) -> str:
    return f"{charger}#{evse_id}"


def read(payload: bytes) -> Brief:
    """Raises NoBrief; also for a tree that cannot be, which is as good as none."""
    try:
        brief = _brief(orjson.loads(payload))
        grid.check(brief.nodes, [place(outlet) for outlet in brief.outlets])
    except NoBrief:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoBrief(f"The brief cannot be read: {error!r}") from error
    return brief


def site(told: Brief, outlets: Iterable[Outlet], reading: meter.Reading | None) -> grid.Site:
    """The tree with these outlets, as it is now; ``reading``: of the building's meter, if it has spoken."""
    load_a, measured_at = (reading.load_a, reading.measured_at) if reading else (None, None)
    building = grid.Building(told.building_worst_a, load_a, measured_at)
    return grid.Site(told.nodes, [place(outlet) for outlet in outlets], told.volts, building, told.signals)


def place(outlet: Outlet) -> grid.Place:
    return grid.Place(outlet.place, outlet.node, outlet.phases, outlet.rotation, outlet.cable_a)


def _brief(told: Mapping[str, Any]) -> Brief:
    if told["schema"] != SCHEMA:
        raise NoBrief(f"The brief is {told['schema']!r}; this edge reads {SCHEMA!r}. Update the older of the two.")
    if told["leader"] not in ("edge", "cloud"):
        raise NoBrief(f"The brief names {told['leader']!r} as leader; it is edge or cloud.")
    first, second, third = map(float, told["building_worst_a"])
    at, since = told.get("sampled") or (0.0, 0.0)
    return Brief(
        int(told["site"]), int(told["epoch"]), told["leader"], bool(told["is_adopted"]), float(told["told_at"]),
        float(told["lease_s"]), float(told["default_a"]), float(told["volts"]), (first, second, third),
        tuple(map(_node, told["nodes"])), tuple(map(_signal, told["signals"])), tuple(map(_outlet, told["outlets"])),
        (float(at), float(since)),
    )  # fmt: skip


def _node(told: Mapping[str, Any]) -> grid.Node:
    first, second, third = map(float, told["limits_a"])
    return grid.Node(
        told["key"], told["name"], (first, second, third), told["parent"],
        limit_w=told["limit_w"], buffer_a=float(told["buffer_a"]),
    )  # fmt: skip


def _signal(told: Mapping[str, Any]) -> grid.Signal:
    to_at = told["to_at"]
    ends = None if to_at is None else datetime.fromtimestamp(float(to_at), UTC)
    return grid.Signal(
        told["source"], float(told["limit_w"]), datetime.fromtimestamp(float(told["from_at"]), UTC), ends
    )


def _outlet(told: Mapping[str, Any]) -> Outlet:
    return Outlet(
        told["charger"], int(told["evse_id"]), told["version"], told["node"], float(told["cable_a"]),
        int(told["phases"]), told["rotation"], ledger.Trust(told["trust"]), bool(told["is_wild"]),
        float(told["skew_s"]), bool(told["in_watts"]), float(told["others_a"]),
        None if told["default_a"] is None else float(told["default_a"]), told["transaction_id"],
        told["needs"], tuple(told["entries"]), float(told.get("default_doubt_a", 0.0)),
    )  # fmt: skip
