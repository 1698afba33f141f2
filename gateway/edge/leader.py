"""Leads a site: hears its chargers, its meter and the cloud's briefs, and says what limits go out. Does no I/O but the
journal's; times are seconds since the epoch.

The invariant is the ledger's (`smartcharging.ledger`). An order is booked, and on the disk, before `tick` gives it out;
what was learnt since the last commit only frees room, so a process that dies at any point has forgotten nothing that
binds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import orjson
import structlog

from gateway import frames, topics
from gateway.bus.publisher import Publication
from gateway.edge import brief, places, words
from gateway.edge.daybook import DayBook
from gateway.edge.journal import Journal
from gateway.edge.orders import Orders
from gateway.edge.places import Place
from gateway.edge.report import report
from smartcharging import cars, grid, leading, ledger, meter, sampling

EVERY_S = 10.0
SOON_S = 1.0  # after news
ASK_AGAIN_S = 60.0
REPORT_EVERY_S = 10.0

log = structlog.get_logger(__name__)


class Leader:
    """``leads``: only then limits go out. `hear…` takes what is said, `tick` gives what is to be published."""

    def __init__(self, site: int, journal: Journal, *, now: float) -> None:
        self.site = site
        self._journal = journal
        self._brief: brief.Brief | None = None
        self._epoch = -1
        self._is_fresh = True  # nothing in the journal
        self.places: dict[str, Place] = {}
        self._kept = journal.places()
        self._number = int(journal.note("number") or b"0")
        self._orders = Orders()
        self._days = DayBook(journal)
        self._away: set[str] = set()  # chargers that left an order of ours unanswered, and said nothing since
        self._starts: dict[str, tuple[str, dict[str, Any]]] = {}  # StartTransaction that wait for their number
        self._reading: meter.Reading | None = None
        self._due_at = self._report_at = now
        self._planned_at: float | None = None
        self._notes: dict[str, bytes] = {}
        self._gone: list[str] = []
        self.fullness, self.problem = 0.0, ""
        if (kept := journal.note("brief")) is not None:
            self._is_fresh = False
            self._epoch = int(journal.note("epoch") or b"-1")
            self.hear_brief(kept, now=now)

    @property
    def leads(self) -> bool:
        return self._brief is not None and self._brief.leads

    @property
    def keys(self) -> set[str]:
        """The topic levels of the site's chargers."""
        return {topics.key(place.told.charger) for place in self.places.values()}

    # -- the cloud's word ------------------------------------------------------------------------------------------

    def hear_brief(self, payload: bytes, *, now: float) -> None:
        try:
            told = brief.read(payload)
        except brief.NoBrief as error:
            log.error("brief_not_understood", error=str(error))  # noqa: TRY400 - the sentence says it all
            return
        if told.site != self.site or told.epoch < self._epoch:
            return  # of another site; or an older word, that the broker had kept
        if self._brief is not None and (told.epoch, told.told_at) <= (self._brief.epoch, self._brief.told_at):
            return
        is_new = told.epoch > self._epoch
        if told.leads or not is_new:
            self._take_outlets(told, is_new=is_new, now=now)
        if is_new:
            log.info("epoch", site=self.site, epoch=told.epoch, leader=told.leader)
            self._report_at = now
        self._brief, self._epoch = told, told.epoch
        self._days.until = max(self._days.until, told.sampled)
        self._notes |= {"brief": payload, "epoch": str(told.epoch).encode()}
        self._soon(now)

    def _take_outlets(self, told: brief.Brief, *, is_new: bool, now: float) -> None:
        """The cloud led until a new epoch, so its ledger is the true one; within an epoch ours is."""
        taken: dict[str, Place] = {}
        for outlet in told.outlets:
            name = outlet.place
            if not is_new and name in self.places:
                taken[name] = self.places[name]
                taken[name].hear(outlet, told_at=told.told_at)
            elif not is_new and name in self._kept:
                taken[name] = places.restored(outlet, self._kept[name])
            elif self._is_fresh and told.is_adopted:
                taken[name] = places.unknown(outlet, now=now, lease_s=told.lease_s)
            else:
                taken[name] = places.handed_over(outlet)
        self._gone += [name for name in {*self.places, *self._kept} if name not in taken]
        self._kept, self.places, self._is_fresh = {}, taken, False

    def hear_meter(self, payload: bytes, *, is_retained: bool, now: float) -> None:
        if self._brief is None:
            return
        at = datetime.fromtimestamp(now, UTC)
        try:
            reading = meter.read(payload, volts=self._brief.volts, at=at, is_retained=is_retained)
        except ValueError as error:
            log.warning("meter_not_understood", error=str(error)[:300])
            return
        moment = min(reading.measured_at, at)
        if self._reading is None or moment >= self._reading.measured_at:
            self._reading = meter.Reading(reading.load_a, moment)
            self._soon(now)

    # -- frames ----------------------------------------------------------------------------------------------------

    def hear_charger(self, charger: str, frame: frames.Frame, *, now: float) -> None:
        self._away.discard(charger)
        match frame:
            case frames.Call(message_id=message_id, action="StartTransaction", payload=payload):
                self._starts[charger] = message_id, payload
            case frames.Call(action=action, payload=payload):
                for news in words.news(action, payload):
                    self._take_news(charger, news, now)
            case frames.Result(message_id=message_id, payload=payload):
                status = payload.get("status") if isinstance(payload, dict) else None
                self._settle(charger, message_id, None if status is None else status == "Accepted", now)
            case frames.Error(message_id=message_id):
                # It may have failed after it acted.
                self._settle(charger, message_id, None, now)

    def hear_csms(self, charger: str, frame: frames.Frame, *, now: float) -> None:
        """What somebody, we ourselves too, sends to a charger."""
        match frame:
            case frames.Call(message_id=message_id, action=action, payload=payload):
                is_last = self._orders.see_pass(charger, message_id, now)
                if is_last is not None:
                    self._see_pass(charger, message_id, action, payload, now, is_last=is_last)
            case frames.Result(message_id=message_id, payload=payload):
                asked_id, call = self._starts.get(charger, ("", {}))
                if asked_id != message_id or not isinstance(payload, dict):
                    return
                del self._starts[charger]
                if begun := words.started_by(call, payload):
                    self._take_news(charger, begun, now)

    def _see_pass(
        self, charger: str, message_id: str, action: str, payload: words.Payload, now: float, *, is_last: bool
    ) -> None:
        """What goes to a charger goes by us in its order. ``is_last``: all of ours that left have gone by already."""
        known = [place for place in self._of(charger) if place.knows(message_id)]
        for place in known:
            if is_last and place.is_in_post(message_id):
                self._number += 1
                place.see_pass(message_id, self._number)
                self._soon(now)
        if known or not words.may_raise(action, payload):
            return
        profile_id = words.profile_id(action, payload)
        for place in self._of(charger):
            if profile_id == leading.profile_id(place.told.evse_id, "default"):
                place.lose_default()
            else:
                place.raised_at = now
                place.follow()
        self._soon(now)

    def _of(self, charger: str) -> Iterable[Place]:
        return [place for place in self.places.values() if place.told.charger == charger]

    def _take_news(self, charger: str, news: words.News, now: float) -> None:
        for place in self._of(charger):
            if place.take(news, now, volts=self._volts):
                self._soon(now)

    @property
    def _volts(self) -> float:
        return self._brief.volts if self._brief is not None else 230.0

    def _settle(self, charger: str, message_id: str, is_taken: bool | None, now: float) -> None:
        if self._orders.settle(charger, message_id):
            self._soon(now, after_s=0.0)
        for place in self._of(charger):
            place.settle(message_id, is_taken)

    # -- the clock -------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Publication]:
        """What is due; on the disk before it is given. Raises sqlite3.OperationalError, and then nothing leaves."""
        for charger, message_id in self._orders.overdue(now):
            # Not for a default: it may have left before the charger was there, which has nothing to say for a while.
            if any(message_id in place.orders for place in self._of(charger)):
                self._away.add(charger)
        said: list[Publication] = []
        if self.leads and now >= self._due_at:
            self._due_at = now + EVERY_S
            said = self._lead(now)
        if self._brief is not None and now >= self._report_at:
            self._report_at = now + REPORT_EVERY_S
            said.append(Publication(topics.site(self.site, "report"), orjson.dumps(self._report(now)), qos=1))
        if said or self._notes:
            self._commit()
        return said

    def _soon(self, now: float, *, after_s: float = SOON_S) -> None:
        self._due_at = min(self._due_at, now + after_s)

    def _commit(self) -> None:
        notes = {**self._notes, "number": str(self._number).encode()}
        self._journal.write(
            places={name: place.state() for name, place in self.places.items()},
            gone=self._gone,
            notes=notes,
            samples=self._days.take(),
            samples_from=self._days.until,
        )
        self._notes, self._gone = {}, []

    def _lead(self, now: float) -> list[Publication]:
        here = list(self.places.values())
        for place in here:
            place.outlet.is_online = place.told.charger not in self._away
            place.end_post(now)
            place.outlet.expire(now)
        assert self._brief is not None
        site = brief.site(self._brief, [place.told for place in here], self._reading)
        book = self._book(site, here, now)
        said = self._tell_defaults(here, book, now)
        before = [place.car for place in here]
        given = cars.share(book, before, now, volts=self._volts)
        pauses = 0
        for index, (place, car) in enumerate(zip(here, before, strict=True)):
            pauses += given.is_queued[index] and place.target_a > 0
            place.target_a, place.bound_by = float(given.amperes[index]), given.bound_by[index]
            place.is_queued, place.enough_a = given.is_queued[index], car.enough_a if car is not None else None
        for order in book.decide(given.amperes, now, order=np.argsort(-given.amperes, kind="stable")):
            said += self._order(here[order.index], order, book, now)
        self._sample(site, here, given, book, pauses, now)
        self.fullness = min(book.fullness(now), 1e9)  # JSON knows no infinity
        if self.fullness > 1 + 1e-6:
            log.warning("site_not_safe", site=self.site, fullness=round(self.fullness, 3))
            said += self._contain(here, now)
        return said

    def _sample(
        self, site: grid.Site, here: list[Place], given: cars.Given, book: ledger.Ledger, pauses: int, now: float
    ) -> None:
        drawn_a = np.array([place.draws_a(now) for place in here], float)
        at, since = datetime.fromtimestamp(now, UTC), self._planned_at
        self._days.add(
            sampling.seen(site, at, given, drawn_a=drawn_a, worst_a=book.worst_a(now), pauses=pauses, since=since)
        )
        self._planned_at = now

    def _book(self, site: grid.Site, here: list[Place], now: float) -> ledger.Ledger:
        assert self._brief is not None
        lease_s = self._brief.lease_s
        network = site.network(datetime.fromtimestamp(now, UTC), ahead=timedelta(seconds=lease_s))
        return ledger.Ledger(network, [place.outlet for place in here], lease_s=lease_s)

    # -- orders ----------------------------------------------------------------------------------------------------

    def _order(self, place: Place, order: ledger.Order, book: ledger.Ledger, now: float) -> list[Publication]:
        """One order at a time for each charger; what has to wait is decided anew, and not booked."""
        if self._orders.is_busy(place.told.charger) or not place.transaction_id:
            return []
        self._number += 1
        until = datetime.fromtimestamp(order.expires_at, UTC) if order.kind == "lease" else None
        write = partial(place.book, order, self._number, now=now, book=book)
        return [self._orders.profile(place, order.kind, order.limit_a, write, now, volts=self._volts, until=until)]

    def _tell_defaults(self, here: list[Place], book: ledger.Ledger, now: float) -> list[Publication]:
        """A default first of all; a lower one at once, a higher one only where all limits bear it."""
        assert self._brief is not None
        said = []
        wanted_a = self._brief.default_a
        for index, place in enumerate(here):
            is_there = place.default_a is not None and abs(place.default_a - wanted_a) < ledger.TELLING_A
            is_asked = place.asked_default is not None and now - place.asked_default[2] < ASK_AGAIN_S
            is_led = place.told.trust is not ledger.Trust.NONE and place.outlet.is_online
            if is_there or is_asked or not is_led or self._orders.is_busy(place.told.charger):
                continue
            if place.default_a is not None and wanted_a > place.default_a:
                raised = book.worst_a(now)
                raised[index] = max(raised[index], min(wanted_a, place.told.cable_a))
                if not book.network.bears(raised):
                    continue
            write = partial(place.ask_default, wanted_a, now=now)
            said.append(self._orders.profile(place, "default", wanted_a, write, now, volts=self._volts))
        return said

    def _contain(self, here: list[Place], now: float) -> list[Publication]:
        """A wild one is stopped where its cable, with all that the others may draw, is too much."""
        return [
            self._orders.stop(place, now)
            for place in here
            if place.outlet.is_wild and place.transaction_id and not self._orders.is_busy(place.told.charger)
        ]

    def _report(self, now: float) -> Mapping[str, Any]:
        return report(
            self.places.values(), now, is_leading=self.leads, site=self.site, epoch=self._epoch,
            fullness=self.fullness, kept_frames=self._journal.count(), samples=self._days.to_tell(),
        )  # fmt: skip
