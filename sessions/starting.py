"""A session begins, told by a message of its own (OCPP 1.6; in 2.x see `sessions.following`).

Promise: the same start, however often it comes, is one session with one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from chargers import clocks
from chargers.models import Charger
from chargers.rows import Lookup, digest, insert, number
from chargers.sentences import phrase
from sessions import energy, events, overlap, remote, reservations, tariffs
from sessions.authorization import Authorization, Tokens
from sessions.events import Message, News, Novelty
from sessions.models import ChargingSession, SessionEvent
from sessions.stopping import NEVER_STARTED

_BY_START = Lookup(ChargingSession, by=["charger_id", "start_key"])
_STOPPED_ONLY = Lookup(
    ChargingSession, by=["charger_id"], also="t.transaction_id = '' AND t.start_key IS NULL AND t.is_incomplete"
)
JOINED = phrase("Its stop came before its start; they were joined by card, time and meter.")


@dataclass(slots=True, frozen=True)
class Start:
    """A start as told. ``as_sent``: the charger's payload."""

    evse_id: int
    token: str
    meter_start_wh: int | None
    device_time: str
    as_sent: dict[str, Any]
    reservation_id: int | None = None

    def news(self, at: datetime) -> News:
        """The business key of a start: connector, time as sent, register and card."""
        return News(
            kind=SessionEvent.Kind.STARTED,
            key=digest("start", self.evse_id, self.device_time, self.meter_start_wh, self.token),
            facts={"evse_id": self.evse_id, "token": self.token, "meter_start_wh": self.meter_start_wh},
            as_sent=self.as_sent,
            at=at,
            device_time=self.device_time,
        )


@dataclass(slots=True, frozen=True)
class Started:
    session: ChargingSession
    authorization: Authorization
    is_new: bool
    superseded: tuple[ChargingSession, ...] = ()  # closed by this one


@transaction.atomic(savepoint=False)
def start_all(messages: Sequence[Message[Start]]) -> list[Started]:
    """Begin sessions of different chargers, whatever the cards; the verdict on a card is in answer and session.

    An open session on the same connector is superseded. A stop that came first gets its start.
    """
    news = [message.told.news(message.at) for message in messages]
    keys = {(message.charger.pk, each.key) for message, each in zip(messages, news, strict=True)}
    known = {(session.charger_id, session.start_key): session for session in _BY_START(keys)}
    beginning = _Beginning([m for m, each in zip(messages, news, strict=True) if (m.charger.pk, each.key) not in known])
    started = []
    for message, each in zip(messages, news, strict=True):
        session = known.get((message.charger.pk, each.key))
        started.append(beginning.begin(message, each) if session is None else _again(message.charger, session, each))
    beginning.write()
    return started


def _again(charger: Charger, session: ChargingSession, news: News) -> Started:
    if events.Stored([(charger.pk, news.key)]).novelty(charger, news)[0] is Novelty.CONFLICT:
        events.keep_conflict(charger, session, news)
    return Started(session, Authorization(session.token_verdict, session.id_token), is_new=False)  # type: ignore[arg-type]


class _Beginning:
    """The sessions that begin in a batch: what they need is read once, what they change is written once."""

    def __init__(self, messages: Sequence[Message[Start]]) -> None:
        chargers = [message.charger for message in messages]
        self._tokens = Tokens((message.told.token for message in messages), are_starting=True)
        self._orders = remote.Orders(chargers, at=min((message.at for message in messages), default=now()))
        self._open = overlap.OpenSessions(chargers)
        self._stopped = _STOPPED_ONLY({(charger.pk,) for charger in chargers})
        self._unused = [ChargingSession(charger=charger) for charger in chargers]
        number(self._unused)
        self._new: list[ChargingSession] = []
        self._events: list[SessionEvent] = []

    def begin(self, message: Message[Start], news: News) -> Started:
        charger, told, at = message.charger, message.told, message.at
        authorization = self._tokens.authorize_start(told.token, charger=charger, evse_id=told.evse_id, at=at)
        session = self._unused.pop(0)
        joined = _stopped_already(self._stopped, charger, told, at)
        if joined is not None:
            session, joined.charger = joined, charger
        else:
            self._new.append(session)
        self._fill(session, told, authorization, at)
        session.start_key = news.key
        session.transaction_id = session.transaction_id or str(session.pk)
        superseded = self._open.supersede(session) if session.is_open else []
        if joined is not None:
            tariffs.pin([session])
            session.save()
        self._events.append(events.row(charger, session, news))
        if told.reservation_id:
            reservations.end(charger, told.reservation_id, "used")
        return Started(session, authorization, is_new=True, superseded=tuple(superseded))

    def write(self) -> None:
        tariffs.pin(self._new)
        insert(self._new)
        self._open.write()
        insert(self._events)

    def _fill(self, session: ChargingSession, told: Start, authorization: Authorization, at: datetime) -> None:
        session.evse_id, session.connector_id = told.evse_id, 1
        session.id_token, session.token_value = authorization.token, told.token[:255]
        session.token_verdict = authorization.verdict
        session.started_at = clocks.happened_at(told.device_time, at=at)
        session.started_received_at = at
        session.started_device_time = clocks.kept(told.device_time)
        session.meter_start_wh = told.meter_start_wh
        session.reservation_id = told.reservation_id
        session.remote_start_id = self._orders.of_start(session.charger, token=told.token, evse_id=told.evse_id, at=at)
        energy.recount(session)


def _stopped_already(
    stopped: Iterable[ChargingSession], charger: Charger, told: Start, at: datetime
) -> ChargingSession | None:
    """The stop that ran ahead of this start: same card, not earlier, register not lower, and no other that fits."""
    started_at = clocks.happened_at(told.device_time, at=at)
    fitting = [
        orphan
        for orphan in stopped
        if orphan.charger_id == charger.pk
        and orphan.stopped_at is not None
        and orphan.stopped_at >= started_at
        and orphan.token_value.casefold() in ("", told.token.casefold())
        and (orphan.meter_stop_wh or 0) >= (told.meter_start_wh or 0)
    ]
    if len(fitting) != 1:
        return None
    (session,) = fitting
    session.is_incomplete = False
    session.review_reasons = [r for r in session.review_reasons if not r.startswith(NEVER_STARTED)]
    energy.review(session, JOINED)
    return session
