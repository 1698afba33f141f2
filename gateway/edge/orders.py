"""What an edge has said to chargers and waits for: one order at a time for each, be it ours or the cloud's.

Chargers and we hear the same topics in the same order, also what we say ourselves: so it is known what came first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import structlog

from gateway import frames, topics
from gateway.bus.publisher import Publication
from gateway.edge import words
from gateway.edge.places import Place
from smartcharging import leading

ANSWER_S = 30.0  # then the charger has lost our order, or its connection

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class InWork:
    """An order that a charger has to answer. ``has_passed``: it was seen on its way there."""

    message_id: str
    since: float
    has_passed: bool


class Orders:
    def __init__(self) -> None:
        self._in_work: dict[str, InWork] = {}  # by charger

    def is_busy(self, charger: str) -> bool:
        return charger in self._in_work

    def see_pass(self, charger: str, message_id: str, now: float) -> bool | None:
        """An order goes to a charger. None if it is ours; else whether all of ours that left have gone by already."""
        here = self._in_work.setdefault(charger, InWork(message_id, now, has_passed=True))
        if here.message_id == message_id and not here.has_passed:
            here.has_passed = True
            return None
        return here.has_passed

    def settle(self, charger: str, message_id: str) -> bool:
        """An answer; whether the charger is free now."""
        if (here := self._in_work.get(charger)) is None or here.message_id != message_id:
            return False
        del self._in_work[charger]
        return True

    def overdue(self, now: float) -> Iterator[tuple[str, str]]:
        """Chargers, and the ids of orders that they should have answered by now; they are waited for no longer."""
        for charger, here in list(self._in_work.items()):
            if now - here.since >= ANSWER_S:
                del self._in_work[charger]
                yield charger, here.message_id

    # -- to say ----------------------------------------------------------------------------------------------------

    def profile(
        self,
        place: Place,
        kind: str,
        limit_a: float,
        book: Callable[[str], None],
        now: float,
        *,
        volts: float,
        until: datetime | None = None,
    ) -> Publication:
        """A limit. ``book`` is given the id of its message, and writes it down."""
        told, at, message_id = place.told, datetime.fromtimestamp(now, UTC), str(uuid4())
        book(message_id)
        watts_per_a = volts * told.phases if told.in_watts else None
        profile = leading.profile(kind, told.evse_id, limit_a, at=at, until=until, watts_per_a=watts_per_a)
        transaction_id = "" if kind == "default" else place.transaction_id
        action, payload = words.set_profile(told.version, profile, evse_id=told.evse_id, transaction_id=transaction_id)
        return self._call(told.charger, message_id, action, payload, now)

    def stop(self, place: Place, now: float) -> Publication:
        return self._call(place.told.charger, str(uuid4()), *words.stop(place.told.version, place.transaction_id), now)

    def _call(self, charger: str, message_id: str, action: str, payload: dict[str, Any], now: float) -> Publication:
        self._in_work[charger] = InWork(message_id, now, has_passed=False)
        log.info("frame", charger=charger, frame="down", action=action, id=message_id)
        return Publication(topics.outbound(topics.key(charger)), frames.call(message_id, action, payload).encode())
