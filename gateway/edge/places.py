"""An EVSE as the edge knows it: its ledger, its session, what its meter shows. To and from JSON for the journal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.edge import brief, words
from smartcharging import cars, ledger, sampling

FOREIGN_S = 30.0  # until what others ordered is in the brief
# The longest that an order of the cloud is on its way. All of them travel with QoS 0, and connections that fall silent
# are given up after a minute and a half at most, with what was on them.
POST_S = 300.0


@dataclass(slots=True)
class Place:
    """``default_a``: ours, as it was confirmed; ``doubt_a``: the most that was asked for since, and may be there.

    ``raised_at``: when somebody else ordered what may raise its limit. ``orders``: by message id, kind and number; of
    the cloud's as well, as long as they are in the post (`ledger.IN_POST`). ``past``: those that were in the post when
    their session ended; the charger refuses them.
    """

    told: brief.Outlet
    outlet: ledger.Outlet
    default_a: float | None = None
    doubt_a: float = 0.0
    asked_default: tuple[str, float, float] | None = None  # message id, amperes, when
    transaction_id: str = ""
    last_transaction_id: str = ""  # of the session that is over
    orders: dict[str, tuple[str, int]] = field(default_factory=dict)
    past: set[str] = field(default_factory=set)
    drawn_a: float | None = None
    drawn_at: float = 0.0
    enough_a: float | None = None
    above_since: float | None = None
    raised_at: float | None = None
    target_a: float = 0.0
    bound_by: str = ""
    is_queued: bool = False

    # -- what becomes of orders ------------------------------------------------------------------------------------

    def settle(self, message_id: str, is_taken: bool | None) -> bool:
        """An answer to an order of ours; None: nobody knows whether it was taken. Whether it was one."""
        if self.asked_default is not None and message_id == self.asked_default[0]:
            if is_taken:
                self.default_a, self.doubt_a = self.asked_default[1], 0.0
            self.follow()
            return True
        if (order := self.orders.get(message_id)) is None:
            return False
        kind, number = order
        # One of the cloud's that we did not see pass: nobody knows which of ours it came after.
        is_in_order = number < ledger.IN_POST
        if is_taken is False or (is_taken and is_in_order):
            slot = self.outlet.slot(kind)
            (slot.confirm if is_taken else slot.refuse)(number)
            self._forget_orders()
        return True

    def book(self, order: ledger.Order, number: int, message_id: str, *, now: float, book: ledger.Ledger) -> None:
        book.send(order, number, now)
        self.orders[message_id] = order.kind, number

    def knows(self, message_id: str) -> bool:
        """Whether an order is ours, or one of the cloud's that came with its ledger."""
        asked = self.asked_default
        return message_id in self.orders or message_id in self.past or (asked is not None and message_id == asked[0])

    def is_in_post(self, message_id: str) -> bool:
        return self.orders.get(message_id, ("", 0))[1] >= ledger.IN_POST

    def see_pass(self, message_id: str, number: int) -> None:
        """An order of the cloud, from before it handed over, goes to the charger now; its ``number`` from now on."""
        kind, old = self.orders[message_id]
        self.outlet.slot(kind).pass_by(old, number)
        self.orders[message_id] = kind, number

    def end_post(self, now: float) -> None:
        for slot in (self.outlet.floor, self.outlet.lease):
            slot.end_post(now - POST_S)
        self._forget_orders()

    def lose_default(self) -> None:
        """Another default went to the charger than the one that we know of; ours has to be told again."""
        self.default_a = self.asked_default = None
        self.follow()

    def ask_default(self, limit_a: float, message_id: str, *, now: float) -> None:
        self.asked_default = message_id, limit_a, now
        self.doubt_a = max(self.doubt_a, limit_a)
        self.follow()

    def _forget_orders(self) -> None:
        live = {entry.number for slot in (self.outlet.floor, self.outlet.lease) for entry in slot.entries}
        self.orders = {message: order for message, order in self.orders.items() if order[1] in live}

    # -- what its charger says -------------------------------------------------------------------------------------

    def take(self, news: words.News, now: float, *, volts: float) -> bool:
        """What its charger says, of whichever EVSE; whether there is something new to share."""
        is_here = self.told.evse_id == news.evse_id
        is_its = bool(news.transaction_id) and self.transaction_id == news.transaction_id
        match news:
            case words.Begun() if is_here and words.may_be_called(self.told.version, news.transaction_id):
                return self.begin(news.transaction_id)
            case words.Ended() if is_its or (is_here and not news.transaction_id):
                return self.end()
            case words.Metered(current_a=current_a, power_w=power_w) if is_its or is_here:
                self.metered(current_a if current_a is not None else (power_w or 0.0) / volts / self.told.phases, now)
        return False

    def begin(self, transaction_id: str) -> bool:
        """A session runs; whether that is news."""
        if transaction_id in (self.transaction_id, self.last_transaction_id):
            return False
        self.end()
        self.transaction_id, self.outlet.in_session = transaction_id, True
        return True

    def end(self) -> bool:
        was_running = bool(self.transaction_id)
        self.last_transaction_id = self.transaction_id or self.last_transaction_id
        self.transaction_id = ""
        self.past |= {message_id for message_id in self.orders if self.is_in_post(message_id)}
        self.outlet.end_session()
        self._forget_orders()
        self.drawn_a = self.enough_a = self.above_since = None
        return was_running

    def metered(self, drawn_a: float, now: float) -> None:
        self.drawn_a, self.drawn_at = drawn_a, now
        if not self.outlet.disobeys(drawn_a, now):
            self.above_since = None
            return
        self.above_since = now if self.above_since is None else self.above_since
        if now - self.above_since >= ledger.PATIENCE_S:
            self.outlet.is_wild = True

    def draws_a(self, now: float) -> float:
        """By its meter; where that is old, what it was given."""
        if self.drawn_a is not None and now - self.drawn_at <= sampling.METER_IS_OLD_S:
            return self.drawn_a
        return min(self.target_a, self.outlet.worst_a(now)) if self.transaction_id else 0.0

    # -- what the cloud says ---------------------------------------------------------------------------------------

    def hear(self, told: brief.Outlet, *, told_at: float) -> None:
        """A brief of the epoch that we are in: the ledger stays ours."""
        if told.is_wild != self.told.is_wild:
            self.outlet.is_wild = told.is_wild  # staff looked after it, or the other way round
        self.told = told
        if self.raised_at is not None and told_at > self.raised_at + FOREIGN_S:
            self.raised_at = None
        self.follow()

    def follow(self) -> None:
        """Reckon anew what the ledger has of the cloud's word and of the default."""
        self.outlet.cable_a, self.outlet.trust, self.outlet.skew_s = (
            self.told.cable_a,
            self.told.trust,
            self.told.skew_s,
        )
        others_a = self.told.cable_a if self.raised_at is not None else self.told.others_a
        doubt_a = max(self.doubt_a, self.told.default_doubt_a)
        self.outlet.default_a = None if self.default_a is None else max(self.default_a, doubt_a, others_a)

    @property
    def car(self) -> cars.Car | None:
        if not self.transaction_id:
            return None
        needs = self.told.needs if self.told.transaction_id == self.transaction_id else {}
        return cars.Car(
            min(self.told.cable_a, needs.get("most_a") or 1e6), self.told.phases, self.drawn_a, self.drawn_at,
            needs.get("rest_wh"), needs.get("departs_at"), self.enough_a,
        )  # fmt: skip

    # -- the journal -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return {
            "default_a": self.default_a, "doubt_a": self.doubt_a, "asked_default": self.asked_default,
            "transaction_id": self.transaction_id, "last_transaction_id": self.last_transaction_id,
            "orders": self.orders, "past": sorted(self.past), "raised_at": self.raised_at,
            "is_wild": self.outlet.is_wild, "entries": self.entries(),
        }  # fmt: skip

    def entries(self) -> list[dict[str, Any]]:
        return [
            {
                "kind": kind, "number": entry.number, "limit_a": entry.limit_a, "sent_at": entry.sent_at,
                "expires_at": None if math.isinf(entry.expires_at) else entry.expires_at,
                "is_confirmed": entry.is_confirmed,
            }
            for kind in ("floor", "lease")
            for entry in self.outlet.slot(kind).entries
        ]  # fmt: skip


def _new(told: brief.Outlet) -> Place:
    return Place(told, ledger.Outlet(told.place, told.cable_a, trust=told.trust, is_wild=told.is_wild))


def restored(told: brief.Outlet, state: Mapping[str, Any]) -> Place:
    """As the journal has it."""
    place = _new(told)
    place.default_a, place.doubt_a, place.raised_at = state["default_a"], state["doubt_a"], state["raised_at"]
    asked = state["asked_default"]
    place.asked_default = None if asked is None else (asked[0], asked[1], asked[2])
    place.transaction_id, place.last_transaction_id = state["transaction_id"], state["last_transaction_id"]
    place.orders = {message: (kind, number) for message, (kind, number) in state["orders"].items()}
    place.past = set(state.get("past", ()))  # a journal of before has none
    place.outlet.in_session, place.outlet.is_wild = bool(place.transaction_id), state["is_wild"]
    _fill(place, state["entries"])
    place.follow()
    return place


def handed_over(told: brief.Outlet) -> Place:
    """As the cloud had it in its ledger when it handed over."""
    place = _new(told)
    place.default_a, place.transaction_id = told.default_a, told.transaction_id or ""
    place.outlet.in_session = bool(place.transaction_id)
    _fill(place, told.entries)
    place.follow()
    return place


def unknown(told: brief.Outlet, *, now: float, lease_s: float) -> Place:
    """Another edge led here and left no journal: its last lease may have been anything, and its floor is there."""
    place = _new(told)
    place.transaction_id = told.transaction_id or ""
    place.outlet.in_session = bool(place.transaction_id)
    ends = math.inf if place.outlet.is_sticky else now + lease_s
    place.outlet.lease.entries.append(ledger.Entry(0, told.cable_a, now, ends))
    place.outlet.floor.entries.append(ledger.Entry(0, ledger.FLOOR_A, now))
    place.follow()
    return place


def _fill(place: Place, entries: Any) -> None:
    place.follow()  # whether it is sticky depends on its clock
    for count, told in enumerate(entries):
        number = int(told["number"])
        if message_id := told.get("message_id"):
            number = ledger.IN_POST + count
            place.orders[message_id] = told["kind"], number
        ends = told["expires_at"]
        expires_at = math.inf if ends is None else float(ends)
        entry = ledger.Entry(
            number, float(told["limit_a"]), float(told["sent_at"]), expires_at, bool(told["is_confirmed"])
        )
        place.outlet.slot(told["kind"]).entries.append(entry)
