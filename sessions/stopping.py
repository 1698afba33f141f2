"""A session ends, told by a message of its own (OCPP 1.6; in 2.x see `sessions.following`).

Promises: the first stop stays; one that belongs to no session of this charger is kept as a session that never started,
and touches nothing of any other charger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists

from chargers import clocks
from chargers.models import Charger, Connector
from chargers.rows import digest
from sessions import energy, events, overlap, truth
from sessions.events import News, Novelty
from sessions.models import ChargingSession, SessionEvent

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

    def news(self, at: datetime) -> News:
        """The business key of a stop: the session's number; without one, all that tells it from another stop."""
        named = self.number is not None and self.number > 0
        rest = () if named else (self.device_time, self.meter_stop_wh, self.token)
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
    is_new: bool


@transaction.atomic(savepoint=False)
def stop(charger: Charger, told: Stop, *, at: datetime) -> Stopped:
    """End a session. The energy is None, and people are asked, where the registers cannot be believed."""
    news = told.news(at)
    known, stored = events.novelty(charger, news)
    if stored is not None and stored.session is not None:
        if known is Novelty.CONFLICT:
            events.keep_conflict(charger, stored.session, news)
        return Stopped(stored.session, is_new=False)
    session = _session(charger, told) or _placeholder(charger, told, at)
    _close(session, told, at)
    session.save()
    events.keep(charger, session, news)
    still(session, at=at)
    return Stopped(session, is_new=True)


def still(session: ChargingSession, *, at: datetime) -> None:
    """No power flows where a session has ended, until the meter says otherwise."""
    place = {"charger": session.charger_id, "evse_id": session.evse_id, "connector_id": session.connector_id}
    running = ChargingSession.objects.filter(
        charger=session.charger_id, evse_id=session.evse_id, stopped_at=None, is_superseded=False
    )
    Connector.objects.filter(~Exists(running), **place).update(power_w=0, power_at=at)


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


def _session(charger: Charger, told: Stop) -> ChargingSession | None:
    if told.number is None or told.number <= 0:
        return None
    return ChargingSession.objects.filter(charger=charger, transaction_id=str(told.number)).first()


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
