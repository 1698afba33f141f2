"""A session ends, told by a message of its own (OCPP 1.6; in 2.x see `sessions.following`).

Promises: the first stop stays; one that belongs to no session of this charger is kept as a session that never started,
and touches nothing of any other charger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from chargers import clocks, statements
from chargers.models import Charger, Connector
from chargers.rows import digest, insert, number, rewrite
from sessions import energy, events, overlap, truth
from sessions.authorization import Authorization, Tokens
from sessions.events import Message, News, Novelty
from sessions.finding import find_named
from sessions.models import ChargingSession, SessionEvent

_COLUMNS = (
    "stopped_at", "stopped_received_at", "stopped_device_time", "stop_reason", "stopped_by_token", "meter_stop_wh",
    "power_w", "is_superseded", *energy.COLUMNS,
)  # fmt: skip
_PLACE = (("charger_id", "bigint"), ("evse_id", "bigint"), ("connector_id", "bigint"), ("at", "timestamptz"))
_CONNECTOR, _SESSION = Connector._meta.db_table, ChargingSession._meta.db_table
_STILL = (
    f"UPDATE {_CONNECTOR} SET power_w = 0, power_at = v.at FROM {{places}} "  # noqa: S608 - our names
    f"WHERE {_CONNECTOR}.charger_id = v.charger_id AND {_CONNECTOR}.evse_id = v.evse_id "
    f"AND {_CONNECTOR}.connector_id = v.connector_id AND NOT EXISTS ("
    f"SELECT 1 FROM {_SESSION} AS running WHERE running.charger_id = v.charger_id "
    "AND running.evse_id = v.evse_id AND running.stopped_at IS NULL AND NOT running.is_superseded)"
)
NEVER_STARTED = "It was stopped and never started here"


@dataclass(slots=True, frozen=True)
class Stop:
    """A stop as told. ``number``: the one we gave at the start; 0, -1 or None where the charger never learnt it."""

    number: int | None
    meter_stop_wh: int | None
    device_time: str
    reason: str
    as_sent: dict[str, Any]
    token: str = ""

    @property
    def name(self) -> str:
        """What the session is called, "" if the stop does not say."""
        return str(self.number) if self.number is not None and self.number > 0 else ""

    def news(self, at: datetime) -> News:
        """The business key of a stop: the session's number; without one, all that tells it from another stop."""
        rest = () if self.name else (self.device_time, self.meter_stop_wh, self.token)
        return News(
            kind=SessionEvent.Kind.STOPPED,
            key=digest("stop", self.number, *rest),
            facts={"meter_stop_wh": self.meter_stop_wh, "reason": self.reason, "token": self.token},
            as_sent=self.as_sent,
            at=at,
            device_time=self.device_time,
            trigger=self.reason,
        )


@dataclass(slots=True, frozen=True)
class Stopped:
    session: ChargingSession
    authorization: Authorization | None  # of the card that ended it
    is_new: bool


@transaction.atomic(savepoint=False)
def stop_all(messages: Sequence[Message[Stop]]) -> list[Stopped]:
    """End sessions of different chargers.

    The energy is None, and people are asked, where the registers cannot be believed.
    """
    news = [message.told.news(message.at) for message in messages]
    ending = _Ending(messages, news)
    stopped = [ending.end(message, each) for message, each in zip(messages, news, strict=True)]
    ending.write()
    return stopped


class _Ending:
    """The sessions that end in a batch: what they need is read once, what they change is written once."""

    def __init__(self, messages: Sequence[Message[Stop]], news: Sequence[News]) -> None:
        self._stored = events.Stored((m.charger.pk, each.key) for m, each in zip(messages, news, strict=True))
        self._tokens = Tokens(message.told.token for message in messages)
        names = {(message.charger.pk, message.told.name) for message in messages if message.told.name}
        self._named = {(session.charger_id, session.transaction_id): session for session in find_named(names)}
        self._closed: list[ChargingSession] = []
        self._placeholders: list[ChargingSession] = []
        self._events: list[tuple[Charger, ChargingSession, News]] = []

    def end(self, message: Message[Stop], news: News) -> Stopped:
        charger, told, at = message.charger, message.told, message.at
        card = self._tokens.authorize(told.token, at=at) if told.token else None
        known, stored = self._stored.novelty(charger, news)
        if stored is not None and stored.session is not None:
            if known is Novelty.CONFLICT:
                events.keep_conflict(charger, stored.session, news)
            return Stopped(stored.session, card, is_new=False)
        session = self._named.get((charger.pk, told.name))
        if session is None:
            session = _placeholder(charger, told, at)
            self._placeholders.append(session)
        else:
            self._closed.append(session)
        _close(session, told, at)
        self._events.append((charger, session, news))
        return Stopped(session, card, is_new=True)

    def write(self) -> None:
        number(self._placeholders)
        insert(self._placeholders)
        rewrite(self._closed, _COLUMNS)
        insert([events.row(charger, session, news) for charger, session, news in self._events])
        still((session, news.at) for _, session, news in self._events)


def still(ended: Iterable[tuple[ChargingSession, datetime]]) -> None:
    """No power flows where a session has ended, until the meter says otherwise; ``ended``: each with its time."""
    adapt = connection.ops.adapt_datetimefield_value
    rows = [(s.charger_id, s.evse_id, s.connector_id, adapt(at)) for s, at in ended]
    if rows:
        sql = _STILL.format(places=statements.recordset("v", _PLACE))
        statements.execute(sql, statements.records(_PLACE, rows))


def close_at(session: ChargingSession, device_time: str, *, at: datetime) -> None:
    """Set the end of a session from the charger's time; never before its start, whatever the clock did."""
    stopped_at = clocks.happened_at(device_time, at=at)
    session.stopped_at = stopped_at if stopped_at >= session.started_at else max(at, session.started_at)
    session.stopped_received_at = at
    session.stopped_device_time = clocks.kept(device_time)
    session.power_w = None
    overlap.reopen(session)


def _close(session: ChargingSession, told: Stop, at: datetime) -> None:
    close_at(session, told.device_time, at=at)
    session.stop_reason = told.reason[:40]
    session.stopped_by_token = told.token[:255]
    session.meter_stop_wh = told.meter_stop_wh
    if session.meter_start_wh == 0 and session.meter_first_wh is None and truth.goes_on(session, history(session)):
        energy.review(session, truth.NEVER_FROM_ZERO)
    energy.recount(session)


def history(session: ChargingSession) -> list[int]:
    """The last registers of the sessions before this one on its connector, newest first."""
    earlier = ChargingSession.objects.filter(
        charger=session.charger_id,
        evse_id=session.evse_id,
        started_at__lt=session.started_at,
        meter_stop_wh__isnull=False,
    ).exclude(pk=session.pk)
    rows = earlier.order_by("-started_at").values_list("meter_stop_wh", flat=True)[: truth.RISING]
    return [wh for wh in rows if wh is not None]


def _placeholder(charger: Charger, told: Stop, at: datetime) -> ChargingSession:
    """A session of which we know the end only. It has no number, for that one belongs to another or to nobody."""
    moment = clocks.happened_at(told.device_time, at=at)
    session = ChargingSession(
        charger=charger,
        token_value=told.token[:255],
        started_at=moment,
        started_received_at=at,
        is_incomplete=True,
    )
    name = f" (the charger calls it {told.number})" if told.number is not None else ""
    energy.review(session, f"{NEVER_STARTED}{name}.")
    return session
