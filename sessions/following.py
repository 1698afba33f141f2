"""A session told by numbered events in any order (OCPP 2.x): begun by whichever comes first, complete when none lacks.

Promise: the row is the same for every order in which the same events arrive. An event in order is put on top of what we
have; one that comes late makes us read the session's events again and fold them in their own order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from chargers import clocks
from chargers.models import Charger, ConnectorStatus
from chargers.rows import digest, insert, number, rewrite
from chargers.sentences import phrase
from sessions import energy, events, overlap, reservations, stopping, tariffs
from sessions.authorization import FREE, Authorization, Tokens
from sessions.events import Message, News, Novelty
from sessions.finding import find_named
from sessions.models import ChargingSession, IdToken, SessionEvent

Kind = SessionEvent.Kind
ENDED_TWICE = phrase("The charger ended it more than once; the first end counts.")
# What events tell; readings tell the rest.
_TOLD_COLUMNS = (
    "evse_id", "connector_id", "id_token_id", "token_value", "token_verdict", "started_at", "started_device_time",
    "stopped_at", "stopped_received_at", "stopped_device_time", "stop_reason", "stopped_by_token", "meter_stop_wh",
    "charging_state", "remote_start_id", "reservation_id", "last_seq_no",
)  # fmt: skip
_COLUMNS = (
    *_TOLD_COLUMNS, "started_received_at", "meter_start_wh", "power_w", "is_incomplete", "is_superseded",
    *energy.COLUMNS,
)  # fmt: skip
_RANK = {Kind.STARTED: 0, Kind.UPDATED: 1, Kind.STOPPED: 2}


@dataclass(slots=True, frozen=True)
class Told:
    """One event. None: it does not say. Registers are the event's own first and last one, in Wh."""

    kind: SessionEvent.Kind
    transaction_id: str
    seq_no: int
    device_time: str
    as_sent: dict[str, Any]
    trigger: str = ""
    is_offline: bool = False
    evse_id: int | None = None
    connector_id: int | None = None
    token: str | None = None
    needs_token: bool = True  # False: the charger says that no card is needed
    ends_by_token: bool = False  # the token is the one that ends the session
    state: ConnectorStatus | None = None
    reason: str = ""
    remote_start_id: int | None = None
    reservation_id: int | None = None
    meter_first_wh: float | None = None
    meter_last_wh: float | None = None


@dataclass(slots=True, frozen=True)
class Followed:
    session: ChargingSession
    authorization: Authorization | None  # only if the event brought a token
    novelty: Novelty
    is_latest: bool  # nothing newer is known of the session
    superseded: tuple[ChargingSession, ...] = ()  # closed by this one


@transaction.atomic(savepoint=False)
def follow_all(messages: Sequence[Message[Told]]) -> list[Followed]:
    """Take events of different chargers into account, one each; an unknown session begins with its event."""
    following = _Following(messages)
    followed = [following.follow(message) for message in messages]
    following.write()
    tariffs.load(each.session for each in followed)
    return followed


class _Following:
    """The sessions that go on in a batch: what they need is read once, what they change is written once."""

    def __init__(self, messages: Sequence[Message[Told]]) -> None:
        self._tokens = Tokens((m.told.token for m in messages if m.told.token), are_starting=True)
        self._news = {message.charger.pk: self._read(message) for message in messages}
        named = find_named({_place(message) for message in messages})
        self._sessions = {(session.charger_id, session.transaction_id): session for session in named}
        self._stored = events.Stored((pk, news.key) for pk, (_, news) in self._news.items())
        self._open = overlap.OpenSessions(message.charger for message in messages)
        self._new = {m.charger.pk: self._begun(m.charger) for m in messages if _place(m) not in self._sessions}
        number(list(self._new.values()))
        self._changed: list[ChargingSession] = []
        self._events: list[SessionEvent] = []
        self._ended: list[tuple[ChargingSession, datetime]] = []

    def follow(self, message: Message[Told]) -> Followed:
        charger, told, at = message.charger, message.told, message.at
        verdict, news = self._news[charger.pk]
        session = self._sessions.get(_place(message))
        if session is not None:
            session.charger = charger
            known, _ = self._stored.novelty(charger, news)
            if known is Novelty.CONFLICT:
                events.keep_conflict(charger, session, news)
            if known is not Novelty.NEW:
                return Followed(session, verdict, known, is_latest=False)
        was_at = session.evse_id if session else 0
        is_latest = session is None or _is_next(session, told)
        if session is None or is_latest:
            session = self._advance(session, charger, news)
        else:
            _refold(session, news)
        is_new_here = session.is_open and (told.kind == Kind.STARTED or session.evse_id != was_at)
        superseded = self._open.supersede(session) if is_new_here else []
        if not is_latest:
            session.save()
        if told.kind == Kind.STOPPED:
            self._ended.append((session, at))
        if told.reservation_id:
            reservations.end(charger, told.reservation_id, "used")
        return Followed(session, verdict, Novelty.NEW, is_latest, tuple(superseded))

    def write(self) -> None:
        new = list(self._new.values())
        tariffs.pin(new)
        insert(new)
        rewrite(self._changed, _COLUMNS)
        self._open.write()
        insert(self._events)
        stopping.still(self._ended)

    def _read(self, message: Message[Told]) -> tuple[Authorization | None, News]:
        verdict = _authorize(self._tokens, message)
        return verdict, _news(message.told, verdict, message.at)

    def _begun(self, charger: Charger) -> ChargingSession:
        """A session of which this is the first that we hear."""
        _, news = self._news[charger.pk]
        return ChargingSession(charger=charger, transaction_id=_name(news), is_incomplete=news.kind != Kind.STARTED)

    def _advance(self, session: ChargingSession | None, charger: Charger, news: News) -> ChargingSession:
        if session is None:
            session = self._new[charger.pk]
        else:
            if news.seq_no is not None and news.seq_no > (session.last_seq_no or 0) + 1:
                session.is_incomplete = True
            self._changed.append(session)
        _apply(session, news.kind, news.facts, received_at=news.at)
        energy.recount(session, since=session.metered_at if news.kind == Kind.UPDATED else None)
        self._events.append(events.row(charger, session, news))
        return session


def _place(message: Message[Told]) -> tuple[int, str]:
    return message.charger.pk, message.told.transaction_id


def _is_next(session: ChargingSession, told: Told) -> bool:
    if session.stopped_at is not None or told.kind == Kind.STARTED:
        return False
    return told.kind == Kind.STOPPED or told.seq_no > (session.last_seq_no or 0)


def _refold(session: ChargingSession, news: News) -> None:
    """Store a late event, read all events of its session and fold them again; the caller stores the session."""
    events.row(session.charger, session, news).save()
    told = list(SessionEvent.objects.filter(session=session, is_conflict=False))
    _forget(session)
    for event in sorted(told, key=lambda e: (_RANK[Kind(e.kind)], e.seq_no or 0, e.device_time, e.key)):
        _apply(session, Kind(event.kind), event.payload["facts"], received_at=event.received_at)
    if session.id_token_id and not IdToken.objects.filter(pk=session.id_token_id).exists():
        session.id_token_id = None  # deleted since the event told of it
    session.is_incomplete = _has_gap(told)
    tariffs.pin([session])  # it may have begun earlier than we thought
    energy.recount(session)


def _has_gap(told: Iterable[SessionEvent]) -> bool:
    numbers = {event.seq_no for event in told if event.seq_no is not None}
    has_start = any(event.kind == Kind.STARTED for event in told)
    return not has_start or max(numbers) - min(numbers) + 1 != len(numbers)


def _apply(session: ChargingSession, kind: SessionEvent.Kind, facts: dict[str, Any], *, received_at: datetime) -> None:
    """Put one event on top of what its predecessors left."""
    device_time = facts["device_time"]
    if session.last_seq_no is None:  # the first one, in whatever order they came
        session.started_at = clocks.happened_at(device_time, at=received_at)
        session.started_received_at = received_at
        session.started_device_time = clocks.kept(device_time)
    for column in ("evse_id", "connector_id", "remote_start_id", "reservation_id", "charging_state"):
        if facts.get(column) is not None:
            setattr(session, column, facts[column])
    _apply_token(session, kind, facts)
    if kind == Kind.STARTED and facts["meter_first_wh"] is not None:
        session.meter_start_wh = round(facts["meter_first_wh"])
    if kind == Kind.STOPPED:
        _apply_end(session, facts, received_at=received_at)
    session.last_seq_no = max(facts["seq_no"], session.last_seq_no or 0)


def _apply_end(session: ChargingSession, facts: dict[str, Any], *, received_at: datetime) -> None:
    if session.stopped_at is not None:
        energy.review(session, ENDED_TWICE)
        return
    stopping.close_at(session, facts["device_time"], at=received_at)
    session.stop_reason = facts["reason"][:40]
    if facts["meter_last_wh"] is not None:
        session.meter_stop_wh = round(facts["meter_last_wh"])


def _apply_token(session: ChargingSession, kind: SessionEvent.Kind, facts: dict[str, Any]) -> None:
    if facts["token"] is None:
        return
    if facts["ends_by_token"]:
        session.stopped_by_token = facts["token"][:255]
    elif not session.token_verdict:
        session.token_value = facts["token"][:255]
        session.token_verdict = facts["verdict"]
        session.id_token_id = facts["token_pk"]


def _forget(session: ChargingSession) -> None:
    """Back to before the first event; what the readings told stays."""
    blank = ChargingSession()
    for column in _TOLD_COLUMNS:
        setattr(session, column, getattr(blank, column))


def _authorize(tokens: Tokens, message: Message[Told]) -> Authorization | None:
    charger, told, at = message.charger, message.told, message.at
    if told.token is None:
        return None
    if not told.needs_token:
        return FREE
    if told.kind == Kind.STARTED:
        return tokens.authorize_start(told.token, charger=charger, evse_id=told.evse_id or 0, at=at)
    return tokens.authorize(told.token, at=at)


def _news(told: Told, verdict: Authorization | None, at: datetime) -> News:
    token = verdict.token if verdict else None
    return News(
        kind=told.kind,
        # seqNo alone is not unique in the field: some chargers say 0 in Started and again in Ended.
        key=digest("event", told.transaction_id, told.kind.value, told.seq_no, told.device_time),
        facts={
            "transaction_id": told.transaction_id,
            "device_time": told.device_time,
            "seq_no": told.seq_no,
            "evse_id": told.evse_id,
            "connector_id": told.connector_id,
            "token": told.token,
            "token_pk": token.pk if token else None,
            "verdict": verdict.verdict if verdict else "",
            "ends_by_token": told.ends_by_token,
            "charging_state": told.state.value if told.state else None,
            "reason": told.reason,
            "remote_start_id": told.remote_start_id,
            "reservation_id": told.reservation_id,
            "meter_first_wh": told.meter_first_wh,
            "meter_last_wh": told.meter_last_wh,
        },
        as_sent=told.as_sent,
        at=at,
        device_time=told.device_time,
        seq_no=told.seq_no,
        trigger=told.trigger,
        is_offline=told.is_offline,
    )


def _name(news: News) -> str:
    return str(news.facts["transaction_id"])
