"""A site on trial: simulated chargers, cars, links that lose and delay, a cloud that fails; and the ledger before it.

Pure, in seconds, faster than life: an hour of forty chargers takes a second or two. The chargers know nothing of the
ledger: they keep profiles, run their own clock and draw what those profiles and their car allow. `Trial.run` counts the
seconds in which the site drew more than it bears. `python3 manage.py bench_smart` prints them.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from smartcharging.allocation import Floats, Network, share
from smartcharging.ledger import Ledger, Order, Outlet


@dataclass(slots=True)
class Held:
    """A profile that a charger holds, until a moment of its own clock."""

    limit_a: float
    expires_at: float = math.inf


@dataclass(slots=True)
class Message:
    number: int
    kind: str
    limit_a: float
    expires_at: float
    transaction: int


@dataclass(slots=True)
class SimCharger:
    """A charger with one EVSE as OCPP 1.6 describes it: a default, and profiles that live as long as their session."""

    cable_a: float = 32.0
    skew_s: float = 0.0  # its clock minus the true one
    default_a: float = 0.0
    transaction: int = 0  # 0: none runs
    car_a: float = 0.0  # what the car would take; 0: it is full, or gone
    is_powered: bool = True
    held: dict[str, Held] = field(default_factory=dict)

    def take(self, message: Message) -> bool:
        """Install a profile; False: refused, for it is for a session that does not run."""
        if not self.transaction or message.transaction != self.transaction:
            return False
        self.held[message.kind] = Held(message.limit_a, message.expires_at)
        return True

    def limit_a(self, now: float) -> float:
        clock = now + self.skew_s
        for kind in ("lease", "floor"):  # the lease has the higher stack level
            held = self.held.get(kind)
            if held is not None and clock < held.expires_at:
                return held.limit_a
        return self.default_a

    def draw_a(self, now: float) -> float:
        if not self.is_powered or not self.car_a:
            return 0.0
        limit = min(self.limit_a(now), self.cable_a)
        return min(limit, self.car_a) if limit >= 6 else 0.0

    def start(self, transaction: int, car_a: float) -> None:
        self.transaction, self.car_a, self.held = transaction, car_a, {}

    def stop(self) -> None:
        self.transaction, self.car_a, self.held = 0, 0.0, {}

    def reboot(self, *, forgets_lease: bool, ends: bool) -> None:
        """After a power cut. Profiles of a session that goes on are kept, or not: both are seen."""
        if ends:
            self.transaction, self.held = 0, {}
        elif forgets_lease:
            self.held.pop("lease", None)


@dataclass(slots=True, frozen=True)
class Faults:
    """How much goes wrong. Shares are of messages; the rest are seconds."""

    lost_requests: float = 0.02
    lost_answers: float = 0.02
    longest_delay_s: float = 3.0
    offline_every_s: float = 1800.0
    offline_s: float = 240.0
    reboots: float = 0.2  # of the times that a link goes down
    skew_s: float = 2.0
    outage_at_s: float | None = 7200.0  # of the whole cloud
    outage_s: float = 600.0


@dataclass(slots=True)
class Outcome:
    """What a trial saw. ``use``: the current drawn, as a share of what could have been."""

    seconds: int = 0
    overload_s: int = 0
    worst_over_a: float = 0.0
    use: float = 0.0
    messages: int = 0
    ledger_breaches: int = 0

    @property
    def site_hours(self) -> float:
        return self.seconds / 3600


@dataclass(slots=True)
class Link:
    """The way to one charger and back, in order; what is on it now, with the time at which it arrives."""

    is_up: bool = True
    to_charger: deque[tuple[float, Message]] = field(default_factory=deque)
    to_us: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)
    up_again_at: float = 0.0


class Trial:
    """One site under load. Three quarters of the places are taken by cars that would take more than there is."""

    def __init__(
        self,
        *,
        chargers: int = 40,
        limit_a: float = 400.0,
        lease_s: float = 300.0,
        faults: Faults,
        seed: int,
        is_naive: bool = False,
    ) -> None:
        """``is_naive``: send each new plan to everybody at once, as one would; for comparison."""
        self.chance = random.Random(seed)  # noqa: S311 - luck that can be had again
        self.faults, self.limit_a = faults, limit_a
        self.chargers = [SimCharger(skew_s=self.chance.uniform(-1, 1) * faults.skew_s) for _ in range(chargers)]
        self.links = [Link() for _ in self.chargers]
        outlets = [Outlet(n, 32.0, 0.0, skew_s=abs(c.skew_s)) for n, c in enumerate(self.chargers)]
        self.ledger = Ledger(Network(np.ones((1, chargers)), np.array([limit_a])), outlets, lease_s=lease_s)
        self.is_naive = is_naive
        self.leaves_at = [0.0] * chargers
        self.known = [0] * chargers  # the transaction that we know of
        self.number = 0
        self.outcome = Outcome()
        self.possible_a = self.drawn_a = 0.0
        self.is_down = False  # the planner

    def run(self, seconds: int, *, plan_every_s: int = 10) -> Outcome:
        for now in range(seconds):
            outage = self.faults.outage_at_s
            self.is_down = outage is not None and outage <= now < outage + self.faults.outage_s
            for index in range(len(self.chargers)):
                self._street(index, now)
                self._line(index, now)
            if now % plan_every_s == 0 and not self.is_down:
                self._plan(now)
            self._measure(now)
        self.outcome.seconds += seconds
        self.outcome.use = self.drawn_a / self.possible_a if self.possible_a else 1.0
        return self.outcome

    def _street(self, index: int, now: int) -> None:
        """Cars come for an hour or three, and go."""
        charger = self.chargers[index]
        if charger.transaction and now >= self.leaves_at[index]:
            charger.stop()
            self._tell(index, now, partial(self._ended, index))
        elif not charger.transaction and self.chance.random() < 1 / 900:
            self.number += 1
            charger.start(self.number, self.chance.choice((10.0, 16.0, 16.0, 32.0)))
            self.leaves_at[index] = now + self.chance.uniform(3600, 10_800)
            self._tell(index, now, partial(self._started, index, self.number))

    def _started(self, index: int, transaction: int) -> None:
        self.known[index], self.ledger.outlets[index].in_session = transaction, True

    def _ended(self, index: int) -> None:
        self.known[index] = 0
        self.ledger.outlets[index].end_session()

    def _tell(self, index: int, now: float, news: Callable[[], None]) -> None:
        """A charger repeats what it has to say until it is heard."""
        self.links[index].to_us.append((now + self.chance.uniform(0, self.faults.longest_delay_s), news))

    def _line(self, index: int, now: int) -> None:
        link, charger, faults = self.links[index], self.chargers[index], self.faults
        if link.is_up and self.chance.random() < 1 / faults.offline_every_s:
            link.is_up, link.up_again_at = False, now + faults.offline_s
            link.to_charger.clear()
            if self.chance.random() < faults.reboots:
                had = charger.transaction
                charger.reboot(forgets_lease=self.chance.random() < 0.5, ends=self.chance.random() < 0.7)
                if had and not charger.transaction:
                    charger.car_a = 0.0
                    self._tell(index, link.up_again_at, partial(self._ended, index))
        elif not link.is_up and now >= link.up_again_at:
            link.is_up = True
        self.ledger.outlets[index].is_online = link.is_up
        while link.is_up and link.to_charger and link.to_charger[0][0] <= now:
            self._arrive(index, link.to_charger.popleft()[1], now)
        while link.is_up and not self.is_down and link.to_us and link.to_us[0][0] <= now:
            link.to_us.popleft()[1]()

    def _arrive(self, index: int, message: Message, now: int) -> None:
        is_taken = self.chargers[index].take(message)
        if self.chance.random() >= self.faults.lost_answers:
            slot = self.ledger.outlets[index].slot(message.kind)
            settle = slot.confirm if is_taken else slot.refuse
            self._tell(index, now, lambda: settle(message.number))

    def _plan(self, now: float) -> None:
        upper = np.array(
            [c.car_a if o.in_session else 0.0 for c, o in zip(self.chargers, self.ledger.outlets, strict=True)]
        )
        network = self.ledger.network if self.is_naive else self.ledger.for_share(now)
        has_more = np.array([outlet.lease.worst_a() for outlet in self.ledger.outlets])
        online = np.array([outlet.is_online for outlet in self.ledger.outlets])
        targets = share(network, np.where(online, upper, 0.0), urgency=has_more).amperes
        for order in self._naive(targets, now) if self.is_naive else self.ledger.decide(targets, now):
            self._send(order, now)

    def _naive(self, targets: Floats, now: float) -> list[Order]:
        """A limit without an end for whoever is online and has another one."""
        return [
            Order(index, "lease", float(target))
            for index, (target, outlet) in enumerate(zip(targets, self.ledger.outlets, strict=True))
            if outlet.is_online
            and outlet.in_session
            and (outlet.lease.last is None or outlet.lease.last.limit_a != target)
        ]

    def _send(self, order: Order, now: float) -> None:
        self.number += 1
        self.ledger.send(order, self.number, now)
        self.outcome.messages += 1
        link = self.links[order.index]
        message = Message(self.number, order.kind, order.limit_a, order.expires_at, self.known[order.index])
        if link.is_up and self.chance.random() >= self.faults.lost_requests:
            link.to_charger.append((now + self.chance.uniform(0, self.faults.longest_delay_s), message))

    def _measure(self, now: int) -> None:
        drawn = sum(charger.draw_a(now) for charger in self.chargers)
        self.drawn_a += drawn
        self.possible_a += min(self.limit_a, sum(charger.car_a for charger in self.chargers))
        if drawn > self.limit_a + 1e-6:
            self.outcome.overload_s += 1
            self.outcome.worst_over_a = max(self.outcome.worst_over_a, drawn - self.limit_a)
        if now % 60 == 0 and self.ledger.fullness(now) > 1 + 1e-9:
            self.outcome.ledger_breaches += 1
