"""One CALL of a charger on its way through the worker, and the books that its batch writes at the end.

A handler reads ``call.payload``, tells the domain, returns the answer; a `Later` where that depends on a session
(``call.books.sessions``), for the sessions of a batch are looked up and written together; an `Aside` where somebody
outside has to be asked, for nothing in a batch may wait for anybody. What else is of high volume
goes into a book (``call.books.…``) and is written for the whole batch in one statement, after all handlers and before
the commit. A batch holds at most one CALL per charger, so handlers of one batch do not depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chargers.boots import BootBook
from chargers.connectors import StatusBook
from chargers.journal import Journal
from chargers.models import Charger
from chargers.notices import NoticeBook
from chargers.presence import PresenceBook
from sessions.book import SessionBook
from sessions.readings import ReadingBook
from smartcharging.profiles import EndedProfiles


@dataclass(slots=True)
class Event:
    """A domain event for integrators: published to ``chargeyard/events/{key}/{topic}`` after the commit."""

    charger: Charger
    topic: str  # status | meter_values | transactions | boot | firmware | security
    body: dict[str, Any]


@dataclass(slots=True, frozen=True)
class Aside:
    """In place of an answer: what has to be asked (JSON). `Dialect.asks` says of whom; see `gateway.asides`."""

    question: dict[str, Any]


@dataclass(slots=True, frozen=True)
class Unanswered:
    """A request whose answer follows the batch."""

    charger_id: int
    message_id: str
    digest: str  # of what was asked: after a restart the same id may be another request's
    action: str
    question: dict[str, Any]


@dataclass(slots=True)
class Books:
    at: datetime
    presence: PresenceBook = field(init=False)
    journal: Journal = field(init=False)
    boots: BootBook = field(init=False)
    statuses: StatusBook = field(init=False)
    readings: ReadingBook = field(init=False)
    notices: NoticeBook = field(init=False)
    sessions: SessionBook = field(init=False)
    ended_profiles: EndedProfiles = field(init=False)
    events: list[Event] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)
    hang_ups: list[tuple[Charger, str]] = field(default_factory=list)  # whose connections are to end, and why
    changed_chargers: set[int] = field(default_factory=set)
    changed_sessions: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.presence = PresenceBook()
        self.journal = Journal()
        self.boots = BootBook()
        self.statuses = StatusBook()
        self.readings = ReadingBook()
        self.notices = NoticeBook()
        self.sessions = SessionBook()
        self.ended_profiles = EndedProfiles()

    def write(self) -> None:
        """Write what `Dispatcher.finish` has not, for the rest is done without it; inside the batch's transaction."""
        self.ended_profiles.write()
        self.statuses.write()  # before the readings: it creates the connectors whose power they tell
        self.readings.write()
        self.changed_sessions |= self.readings.session_ids
        self.notices.write()
        self.presence.write()
        self.journal.write()


@dataclass(slots=True)
class Call:
    charger: Charger
    message_id: str
    action: str
    payload: dict[str, Any]
    at: datetime  # server time at which the worker received it
    books: Books
    findings: list[str] = field(default_factory=list)  # what we tolerated, in words

    def event(self, topic: str, **body: Any) -> None:
        """Tell integrators after the commit."""
        self.books.events.append(Event(self.charger, topic, body))

    def hang_up(self, reason: str) -> None:
        """End the charger's connection after the commit; what it said is answered first."""
        self.books.hang_ups.append((self.charger, reason))
