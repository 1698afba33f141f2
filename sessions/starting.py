"""A session begins, told by a message of its own (OCPP 1.6; in 2.x see `sessions.following`).

Promise: the same start, however often it comes, is one session with one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from chargers import clocks
from chargers.models import Charger
from chargers.rows import digest
from sessions import energy, events, overlap, remote, reservations
from sessions.authorization import Authorization, authorize_start
from sessions.events import News, Novelty
from sessions.models import ChargingSession, SessionEvent
from sessions.stopping import NEVER_STARTED

JOINED = "Its stop came before its start; they were joined by card, time and meter."


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
def start(charger: Charger, told: Start, *, at: datetime) -> Started:
    """Begin a session, whatever the card; the verdict on the card is in the answer and in the session.

    An open session on the same connector is superseded. A stop that came first gets its start.
    """
    news = told.news(at)
    session = ChargingSession.objects.filter(charger=charger, start_key=news.key).select_related("id_token").first()
    if session is not None:
        if events.novelty(charger, news)[0] is Novelty.CONFLICT:
            events.keep_conflict(charger, session, news)
        return Started(session, Authorization(session.token_verdict, session.id_token), is_new=False)  # type: ignore[arg-type]
    authorization = authorize_start(told.token, charger=charger, evse_id=told.evse_id, at=at)
    session = _stopped_already(charger, told, at) or ChargingSession(charger=charger)
    _fill(session, told, authorization, at)
    session.start_key = news.key
    session.save()
    if not session.transaction_id:
        session.transaction_id = str(session.pk)
        session.save(update_fields=["transaction_id"])
    events.keep(charger, session, news)
    superseded = overlap.supersede(session) if session.is_open else []
    if told.reservation_id:
        reservations.end(charger, told.reservation_id, "used")
    return Started(session, authorization, is_new=True, superseded=tuple(superseded))


def _fill(session: ChargingSession, told: Start, authorization: Authorization, at: datetime) -> None:
    session.evse_id, session.connector_id = told.evse_id, 1
    session.id_token, session.token_value = authorization.token, told.token[:255]
    session.token_verdict = authorization.verdict
    session.started_at = clocks.happened_at(told.device_time, at=at)
    session.started_received_at = at
    session.started_device_time = clocks.kept(told.device_time)
    session.meter_start_wh = told.meter_start_wh
    session.reservation_id = told.reservation_id
    session.remote_start_id = remote.ordered_start(session.charger, token=told.token, evse_id=told.evse_id, at=at)
    energy.recount(session)


def _stopped_already(charger: Charger, told: Start, at: datetime) -> ChargingSession | None:
    """The stop that ran ahead of this start: same card, not earlier, register not lower, and no other that fits."""
    started_at = clocks.happened_at(told.device_time, at=at)
    orphans = ChargingSession.objects.filter(
        charger=charger, transaction_id="", start_key=None, is_incomplete=True, stopped_at__gte=started_at
    )
    fitting = [
        orphan
        for orphan in orphans
        if orphan.token_value.casefold() in ("", told.token.casefold())
        and (orphan.meter_stop_wh or 0) >= (told.meter_start_wh or 0)
    ]
    if len(fitting) != 1:
        return None
    (session,) = fitting
    session.is_incomplete = False
    session.review_reasons = [r for r in session.review_reasons if not r.startswith(NEVER_STARTED)]
    energy.review(session, JOINED)
    return session
