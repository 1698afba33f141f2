"""The messages that make a session, each kept once.

A message is known again by its business key. Another version of it is kept as a conflict: it changes nothing, and
people look at the session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

from chargers import clocks
from chargers.models import Charger
from chargers.rows import Lookup, digest, make
from chargers.sentences import phrase
from sessions import energy
from sessions.models import ChargingSession, SessionEvent

Told = TypeVar("Told")
_BY_KEY = Lookup(SessionEvent, by=["charger_id", "key"])
CONFLICT = phrase("The charger told the same event twice and differently; the first version counts.")


class Novelty(Enum):
    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"


@dataclass(slots=True, frozen=True)
class Message(Generic[Told]):
    """What a charger told of a session, and when we received it."""

    charger: Charger
    told: Told
    at: datetime


@dataclass(slots=True, frozen=True)
class News:
    """One message about a session, before we know whether it is new.

    ``facts``: what it says in our words. ``as_sent``: the charger's payload; all of it makes the digest, all but the
    meter values is kept (these have their own rows).
    """

    kind: SessionEvent.Kind
    key: UUID
    facts: dict[str, Any]
    as_sent: dict[str, Any]
    at: datetime
    device_time: str = ""
    seq_no: int | None = None
    trigger: str = ""
    is_offline: bool = False


class Stored:
    """The messages that we have under the keys of some that came, read at once."""

    def __init__(self, wanted: Iterable[tuple[int, UUID]]) -> None:
        """``wanted``: charger's pk and key."""
        self._events: defaultdict[tuple[int, UUID], list[SessionEvent]] = defaultdict(list)
        for event in _BY_KEY(set(wanted)):
            self._events[event.charger_id, event.key].append(event)

    def novelty(self, charger: Charger, news: News) -> tuple[Novelty, SessionEvent | None]:
        """Whether we have a message, and the first one we have of that key."""
        stored = self._events.get((charger.pk, news.key))
        if not stored:
            return Novelty.NEW, None
        if any(event.digest == digest(news.as_sent) for event in stored):
            return Novelty.REPEAT, stored[0]
        return Novelty.CONFLICT, stored[0]


def row(charger: Charger, session: ChargingSession, news: News, *, is_conflict: bool = False) -> SessionEvent:
    """A message as it is stored; the caller does that."""
    return make(
        SessionEvent,
        charger_id=charger.pk,
        session_id=session.pk,
        kind=news.kind,
        key=news.key,
        digest=digest(news.as_sent),
        is_conflict=is_conflict,
        seq_no=news.seq_no,
        trigger=news.trigger[:40],
        is_offline=news.is_offline,
        device_time=clocks.kept(news.device_time),
        received_at=news.at,
        payload={"facts": news.facts, "as_sent": _without_meter(news.as_sent)},
    )


def keep_conflict(charger: Charger, session: ChargingSession, news: News) -> None:
    """Store another version of a message we have, and put the session on the pile for people."""
    row(charger, session, news, is_conflict=True).save()
    energy.review(session, CONFLICT)
    session.save(update_fields=["needs_review", "review_reasons"])


def _without_meter(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name not in ("transactionData", "meterValue")}
