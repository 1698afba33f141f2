"""The worst that every charger of a site may draw now, and what may therefore be sent. Pure: no table, no clock.

Messages get lost, links go down, programs die. What a charger does then is known all the same, if limits are leases:

- a *default* of 0 A (or little) for whoever starts without us, installed first; until it is, the cable is the limit;
- a *floor* of 6 A for an admitted session, without an end: what it falls back to;
- a *lease* above it, which ends by itself and is renewed in time.

An entry is in the ledger before its message leaves, and stays until a later message is confirmed or its time is over.
So ``worst`` is never less than what the charger may draw, and it only falls as long as nothing is sent. A raise is sent
only if the worst of all together stays within every limit: then it stays there, whatever breaks. A lower value may
always be sent, but frees nothing before it is confirmed or the old one is over.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from smartcharging.allocation import Floats, Network, accepted, fill

FLOOR_A = 6.0
MARGIN_S = 5.0
TELLING_A = 0.05  # limits travel with one decimal; less is no difference
TOLERANCE_A = 2.0  # meters are inexact, and a car needs a moment to obey
PATIENCE_S = 30.0  # that long above its limit, and it is wild
MOST_SKEW_S = 30.0
"""A clock further off makes a charger sticky: nobody can say when a lease ends there."""
IN_POST = 1 << 60
"""Numbers from here on: of messages that left by another road than ours, and may arrive before or after any of ours."""


class Trust(StrEnum):
    """What a charger's leases are worth, as its model was seen to behave."""

    LEASE = "A"  # a lease ends by itself
    STICKY = "B"  # the last limit stays until the next one is confirmed
    NONE = "C"  # takes no limits: it may draw what its cable bears


@dataclass(slots=True)
class Entry:
    """A limit that may be in force at a charger. ``number`` grows with each message to it, in their order there."""

    number: int
    limit_a: float
    sent_at: float
    expires_at: float = math.inf
    is_confirmed: bool = False


@dataclass(slots=True)
class Slot:
    """One profile of a charger, and the versions of it that may be the one it holds, in the order of their leaving."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def last(self) -> Entry | None:
        return self.entries[-1] if self.entries else None

    def worst_a(self) -> float:
        return max([entry.limit_a for entry in self.entries]) if self.entries else 0.0

    def confirm(self, number: int) -> None:
        """The charger took this one, so it holds none that came to it before."""
        taken = next((entry for entry in self.entries if entry.number == number), None)
        if taken is None:
            return  # over, or overtaken by a later confirmation
        self.entries = [entry for entry in self.entries if entry.number >= number]
        taken.is_confirmed = True

    def refuse(self, number: int) -> None:
        """The charger did not take this one; what it held before stays."""
        self.entries = [entry for entry in self.entries if entry.number != number]

    def pass_by(self, number: int, new: int) -> None:
        """One of the post was seen on its way: it comes to the charger after all that passed before it."""
        for entry in [entry for entry in self.entries if entry.number == number]:
            self.entries.remove(entry)
            self.entries.append(entry)
            entry.number = new

    def end_post(self, moment: float) -> None:
        """What was in the post since before ``moment`` has arrived, or never will."""
        for entry in self.entries:
            if entry.number >= IN_POST and entry.sent_at < moment:
                entry.number = 0

    def forget_before(self, moment: float) -> None:
        self.entries = [entry for entry in self.entries if entry.expires_at > moment]


@dataclass(slots=True)
class Outlet:
    """An EVSE as the ledger sees it. ``cable_a``: the most that EVSE, cable and fuse let through, per phase.

    ``default_a``: what it was confirmed to fall back to without a session profile; None: it has none, so ``cable_a``.
    """

    key: Hashable
    cable_a: float
    default_a: float | None = None
    trust: Trust = Trust.LEASE
    skew_s: float = 0.0
    is_online: bool = True
    in_session: bool = False
    is_wild: bool = False  # measured above its limit: it is counted as if it had none
    floor: Slot = field(default_factory=Slot)
    lease: Slot = field(default_factory=Slot)

    @property
    def is_sticky(self) -> bool:
        return self.trust is Trust.STICKY or abs(self.skew_s) > MOST_SKEW_S

    @property
    def is_led(self) -> bool:
        """Whether limits that we send mean anything there."""
        return self.trust is not Trust.NONE and not self.is_wild and self.default_a is not None

    def worst_a(self, now: float) -> float:
        """The most it may draw at ``now`` or at any later moment, if nothing more is sent."""
        if not self.is_led:
            return self.cable_a
        if not self.floor.entries and not self.lease.entries:  # most of a large site, and it is asked often
            return min(self.cable_a, self.default_a or 0.0)
        self.expire(now)
        return min(self.cable_a, max(self.default_a or 0.0, self.floor.worst_a(), self.lease.worst_a()))

    def disobeys(self, drawn_a: float, now: float) -> bool:
        """Whether its meter shows more than any limit allows that it may hold."""
        return self.is_led and drawn_a > self.worst_a(now) + TOLERANCE_A

    def expire(self, now: float) -> None:
        if not self.is_sticky:
            self.lease.forget_before(now - abs(self.skew_s) - MARGIN_S)

    def end_session(self) -> None:
        """Its session is over: the charger has dropped what was for it, and refuses what still comes."""
        self.in_session = False
        if not self.is_sticky:
            self.floor.entries, self.lease.entries = [], []

    def slot(self, kind: str) -> Slot:
        return self.floor if kind == "floor" else self.lease


@dataclass(slots=True, frozen=True)
class Order:
    """A profile to send: ``kind`` floor or lease, of ``limit_a`` until ``expires_at``."""

    index: int
    kind: str
    limit_a: float
    expires_at: float = math.inf


@dataclass(slots=True)
class Ledger:
    """All outlets of a site, in the order of the network's columns. ``lease_s``: how long a lease lasts; it is renewed
    after a third of that, so that two messages may be lost in a row. Longer spares the charger's flash, shorter obeys a
    grid operator sooner. ``least_raise_a``: a smaller raise waits for the renewal: with a building whose load comes and
    goes each plan would have every charger write its flash.
    """

    network: Network
    outlets: Sequence[Outlet]
    lease_s: float = 300.0
    step_a: float = 1.0
    least_raise_a: float = 2.0
    retry_s: float = 30.0

    def __post_init__(self) -> None:
        # Phases that relieve one another do so only while both draw; the worst is that one of them does not.
        self.network = Network(np.abs(self.network.coefficients), self.network.limits_a, self.network.names)

    def worst_a(self, now: float) -> Floats:
        return np.array([outlet.worst_a(now) for outlet in self.outlets], float)

    def fullness(self, now: float, worst: Floats | None = None) -> float:
        """The worst over the limit, at the fullest limit; above 1 the site is not safe if everything breaks now.

        ``worst``: what `worst_a` says, if it was asked already.
        """
        loads = self.network.loads_a(self.worst_a(now) if worst is None else worst)
        limits = self.network.limits_a
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(loads <= 1e-9, 0.0, np.where(limits > 0, loads / limits, np.inf))
        return float(shares.max(initial=0.0))

    def for_share(self, now: float) -> Network:
        """What is left for those we can lead: the limits less the worst of those that we cannot."""
        others = np.array([0.0 if o.is_led and o.is_online else o.worst_a(now) for o in self.outlets], float)
        left = self.network.limits_a - self.network.loads_a(others)
        return Network(self.network.coefficients, left, self.network.names)

    def decide(self, targets_a: Floats, now: float, *, order: np.ndarray | None = None) -> list[Order]:
        """What to send to come closer to the targets, reductions first, and never more than is safe.

        ``order``: who comes first where not all raises fit. The orders are not in the ledger yet; see `send`.
        """
        ready = np.array([o.is_led and o.is_online and o.in_session for o in self.outlets], bool)
        wanted = np.where(ready, np.floor(np.maximum(targets_a, 0) / self.step_a + 1e-6) * self.step_a, 0.0)
        wanted = np.where(wanted < FLOOR_A, 0.0, wanted)
        worst = self.worst_a(now)
        granted = np.minimum(self._raised(worst, wanted, order), np.maximum(wanted, 0.0))
        lowered: list[Order] = []
        raised: list[Order] = []
        for index in map(int, np.flatnonzero(ready)):
            outlet, limit = self.outlets[index], float(granted[index])
            (lowered if limit < worst[index] else raised).extend(self._orders(index, outlet, limit, now))
        return lowered + raised

    def _raised(self, worst: Floats, wanted: Floats, order: np.ndarray | None) -> Floats:
        """How far each may be raised towards what it should have, all at once; new sessions to the floor first."""
        order = np.arange(len(worst)) if order is None else order
        is_new = (wanted > 0) & (worst < FLOOR_A)
        admitted = accepted(self.network, worst, np.where(is_new, FLOOR_A - worst, 0.0), order)
        base = np.where(admitted, FLOOR_A, worst)
        goal = np.where(is_new & ~admitted, base, np.maximum(base, wanted))
        # A limit that is above what it should be already takes no raise: `fill` leaves who presses on it as it is.
        full, _ = fill(self.network, base, goal, np.ones(len(worst)))
        whole = np.floor(full / self.step_a + 1e-6) * self.step_a
        return np.where(is_new & ~admitted, 0.0, whole)

    def _orders(self, index: int, outlet: Outlet, limit_a: float, now: float) -> list[Order]:
        floor_a = FLOOR_A if limit_a >= FLOOR_A else 0.0
        orders = []
        if self._is_due(outlet.floor.last, floor_a, now, renew=False):
            orders.append(Order(index, "floor", floor_a))
        # At or below the floor there is nothing to lease: the floor says it, for ever.
        lease_a = limit_a if limit_a > FLOOR_A else 0.0
        last = outlet.lease.last
        if last and 0 < lease_a - last.limit_a < self.least_raise_a and now - last.sent_at < self.lease_s / 3:
            return orders
        if (lease_a or last) and self._is_due(last, limit_a if lease_a else floor_a, now, renew=bool(lease_a)):
            orders.append(Order(index, "lease", limit_a if lease_a else floor_a, now + self.lease_s))
        return orders

    def _is_due(self, last: Entry | None, limit_a: float, now: float, *, renew: bool) -> bool:
        if last is None:
            return limit_a > 0
        if abs(last.limit_a - limit_a) > 1e-9:
            return True
        age_s = now - last.sent_at
        return age_s >= self.lease_s / 3 if renew else not last.is_confirmed and age_s >= self.retry_s

    def send(self, order: Order, number: int, now: float) -> Entry:
        """Book an order before it leaves."""
        outlet = self.outlets[order.index]
        expires_at = math.inf if outlet.is_sticky else order.expires_at
        entry = Entry(number, order.limit_a, now, expires_at)
        outlet.slot(order.kind).entries.append(entry)
        return entry
