"""A site as a tree of limits, and what is left of them for cars. Pure: knows no table.

The grid connection is the root, below it panels, circuits, EVSEs. Each node bears so many amperes on each phase and,
where it says so, so many watts. What is drawn below a node counts on it and on all above it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from chargers.sentences import phrase
from smartcharging.allocation import Floats, Network

PHASES = ("L1", "L2", "L3")
ROTATIONS = {"RST": (0, 1, 2), "STR": (1, 2, 0), "TRS": (2, 0, 1), "RTS": (0, 2, 1), "SRT": (1, 0, 2), "TSR": (2, 1, 0)}
MOST_A = 10_000.0
METER_IS_STALE = timedelta(seconds=60)

# Told to people, see chargers/sentences.py.
POWER_OF = phrase("{name}, power")
NAMED_TWICE = phrase("Two limits are called {name!r}; give each a name of its own.")
ONE_GRID = phrase("A site has one grid connection; here are {count}: {names}.")
NO_PARENT = phrase("{name!r} hangs on {parent!r}, which is not one of this site's limits.")
BELOW_ITSELF = phrase("{name!r} hangs below itself; give it another parent.")
OUT_OF_BOUNDS = phrase("{what} of {name!r} is {value:g}; it must be 0 to {most:g}.")
MISSING_PHASE = phrase("{name!r} has {phase}, but {parent!r} above it has not.")
FUSE_TOO_LARGE = phrase(
    "{name!r} bears {own:g} A on {phase}, more than the {above:g} A of {parent!r} above it; a fuse "
    "below protects only if it is the smaller one."
)
HANGS_NOWHERE = phrase("EVSE {evse!r} hangs on {node!r}, which is not one of this site's limits.")
NO_ROTATION = phrase("EVSE {evse!r} has rotation {rotation!r}; it is one of {rotations}.")
NO_PHASES = phrase("EVSE {evse!r} has {phases} phases; it has 1, 2 or 3.")
PHASE_NOT_THERE = phrase("EVSE {evse!r} draws from {phases}, which {node!r} does not have.")
NO_CABLE = phrase("EVSE {evse!r} has a cable for {current:g} A; that cannot be.")


class ImpossibleTree(ValueError):
    """Limits that cannot be those of a real site; the text names the node, the value and the way out."""


@dataclass(slots=True, frozen=True)
class Node:
    """``limits_a``: amperes on L1, L2, L3; a phase that is not there bears 0. ``buffer_a``: kept free, per phase."""

    key: Hashable
    name: str
    limits_a: tuple[float, float, float]
    parent: Hashable | None = None
    limit_w: float | None = None
    buffer_a: float = 0.0


@dataclass(slots=True, frozen=True)
class Place:
    """An EVSE on a node. ``rotation``: which phase of the grid its L1, L2, L3 are wired to; R is L1 of the grid."""

    key: Hashable
    node: Hashable
    phases: int = 3
    rotation: str = "RST"
    cable_a: float = 32.0

    @property
    def on(self) -> tuple[int, ...]:
        return ROTATIONS[self.rotation][: self.phases]


_ON = {
    (rotation, count): tuple(phase in wired[:count] for phase in range(3))
    for rotation, wired in ROTATIONS.items()
    for count in (1, 2, 3)
}


@dataclass(slots=True, frozen=True)
class Building:
    """What else draws from the root, per phase. ``worst_a`` counts while the meter is silent for a minute."""

    worst_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    measured_a: tuple[float, float, float] | None = None
    measured_at: datetime | None = None

    def is_stale(self, at: datetime) -> bool:
        """A meter from the future is as little to be trusted as one that fell silent."""
        return self.measured_at is None or not -METER_IS_STALE <= at - self.measured_at <= METER_IS_STALE

    def load_a(self, at: datetime) -> tuple[float, float, float]:
        """What to reckon with: the measured load, which may be negative where the sun shines, or the worst."""
        if self.measured_a is None or self.is_stale(at) or not all(map(math.isfinite, self.measured_a)):
            return self.worst_a
        return self.measured_a


@dataclass(slots=True, frozen=True)
class Signal:
    """Somebody limits the whole site for a time: a grid operator, a tariff, the staff. The lowest counts."""

    source: str
    limit_w: float
    from_at: datetime
    to_at: datetime | None = None

    def is_on(self, start: datetime, end: datetime) -> bool:
        return self.from_at <= end and (self.to_at is None or self.to_at > start)


def is_power(name: str) -> bool:
    """Whether a limit of `Site.network` by that name is one of watts, over all phases, and not of one phase."""
    return name.endswith(POWER_OF.format(name=""))


@dataclass(slots=True)
class Site:
    nodes: Sequence[Node]
    places: Sequence[Place]
    volts: float = 230.0
    building: Building = field(default_factory=Building)
    signals: Sequence[Signal] = ()

    def __post_init__(self) -> None:
        check(self.nodes, self.places)

    @property
    def root(self) -> Node:
        return next(node for node in self.nodes if node.parent is None)

    def load_a(self, at: datetime) -> tuple[float, float, float]:
        """What the building draws. A meter that shows more sun than the connection could carry away is not believed."""
        load_a = self.building.load_a(at)
        is_plausible = all(load >= -limit for load, limit in zip(load_a, self.root.limits_a, strict=True))
        return load_a if is_plausible else self.building.worst_a

    def network(self, at: datetime, *, ahead: timedelta = timedelta(0)) -> Network:
        """What cars may draw, at each limit: less building and buffer, and the lowest signal until ``ahead`` is over.

        Three rows for each node, its phases, then one for its watts if it has them, then one for the signals.
        """
        belongs, on = self._belongs(), self.on
        rows: list[Floats] = []
        limits: list[float] = []
        names: list[str] = []
        root = self.root
        for node, below in zip(self.nodes, belongs, strict=True):
            load_a = self.load_a(at) if node is root else (0.0, 0.0, 0.0)
            for phase in range(3):
                rows.append(below & on[phase])
                limits.append(node.limits_a[phase] - node.buffer_a - load_a[phase])
                names.append(f"{node.name}, {PHASES[phase]}")
            watts = [(node.limit_w, node.name)] if node.limit_w is not None else []
            if node is root:
                watts += [(signal.limit_w, signal.source) for signal in self.signals if signal.is_on(at, at + ahead)]
            for limit_w, name in watts:
                rows.append(below * on.sum(axis=0))
                limits.append(limit_w / self.volts - sum(load_a))
                names.append(POWER_OF.format(name=name))
        return Network(np.array(rows, float).reshape(len(rows), len(self.places)), np.array(limits), names)

    @property
    def on(self) -> NDArray[np.bool_]:
        """Phases × EVSEs: who draws from which."""
        return np.array([_ON[place.rotation, place.phases] for place in self.places], bool).reshape(-1, 3).T

    def _belongs(self) -> NDArray[np.bool_]:
        """Nodes × EVSEs: what is drawn where counts on which."""
        index = {node.key: n for n, node in enumerate(self.nodes)}
        parents = {node.key: node.parent for node in self.nodes}
        above = np.zeros((len(self.nodes), len(self.nodes)), bool)
        for key, n in index.items():
            above[[index[one] for one in _upwards(key, parents)], n] = True
        return above[:, [index[place.node] for place in self.places]]


def check(nodes: Sequence[Node], places: Iterable[Place]) -> None:
    """Raises ImpossibleTree for what no site can be."""
    by_key = {node.key: node for node in nodes}
    roots = [node.name for node in nodes if node.parent is None]
    if len(by_key) != len(nodes):
        twice = sorted(str(node.name) for node in nodes if [one.key for one in nodes].count(node.key) > 1)
        raise ImpossibleTree(NAMED_TWICE.format(name=twice[0]))
    if len(roots) != 1:
        raise ImpossibleTree(ONE_GRID.format(count=len(roots), names=", ".join(roots) or phrase("none")))
    parents = {node.key: node.parent for node in nodes}
    for node in nodes:
        _check_numbers(node)
        if node.parent is None:
            continue
        if node.parent not in by_key:
            raise ImpossibleTree(NO_PARENT.format(name=node.name, parent=node.parent))
        if len(set(_upwards(node.key, parents))) != len(list(_upwards(node.key, parents))):
            raise ImpossibleTree(BELOW_ITSELF.format(name=node.name))
        _check_below(node, by_key[node.parent])
    for place in places:
        _check_place(place, by_key)


def _upwards(key: Hashable, parents: Mapping[Hashable, Hashable | None]) -> Iterable[Hashable]:
    """A node and all above it; a ring ends where it closes, with its first node named twice."""
    seen = set()
    at: Hashable | None = key
    while at is not None:
        yield at
        if at in seen:
            return
        seen.add(at)
        at = parents.get(at)


def _check_numbers(node: Node) -> None:
    named = [
        *zip(PHASES, node.limits_a, strict=True),
        ("buffer", node.buffer_a),
        (phrase("power in W"), node.limit_w or 0.0),
    ]
    for name, value in named:
        most = MOST_A * 1000 if name.startswith("power") else MOST_A
        if not math.isfinite(value) or not 0 <= value <= most:
            raise ImpossibleTree(OUT_OF_BOUNDS.format(what=name, name=node.name, value=value, most=most))


def _check_below(node: Node, parent: Node) -> None:
    for phase, own, above in zip(PHASES, node.limits_a, parent.limits_a, strict=True):
        if own > 0 and above == 0:
            raise ImpossibleTree(MISSING_PHASE.format(name=node.name, phase=phase, parent=parent.name))
        if own > above:
            raise ImpossibleTree(
                FUSE_TOO_LARGE.format(name=node.name, own=own, phase=phase, above=above, parent=parent.name)
            )


def _check_place(place: Place, by_key: Mapping[Hashable, Node]) -> None:
    if place.node not in by_key:
        raise ImpossibleTree(HANGS_NOWHERE.format(evse=place.key, node=place.node))
    if place.rotation not in ROTATIONS:
        raise ImpossibleTree(
            NO_ROTATION.format(evse=place.key, rotation=place.rotation, rotations=", ".join(ROTATIONS))
        )
    if place.phases not in (1, 2, 3):
        raise ImpossibleTree(NO_PHASES.format(evse=place.key, phases=place.phases))
    node = by_key[place.node]
    missing = [PHASES[phase] for phase in place.on if node.limits_a[phase] == 0]
    if missing:
        raise ImpossibleTree(PHASE_NOT_THERE.format(evse=place.key, phases=", ".join(missing), node=node.name))
    if not 0 < place.cable_a <= MOST_A:
        raise ImpossibleTree(NO_CABLE.format(evse=place.key, current=place.cable_a))
