"""Transactions, which are our sessions. OCPP 2.0.1 part 2, E. Never refused: the energy has flowed already."""

from __future__ import annotations

from functools import partial
from typing import Any

from chargers import clocks
from chargers.connectors import IN_USE, StatusReport
from chargers.models import ConnectorStatus
from gateway import events
from gateway.call import Call
from gateway.dialect import Answer, Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.metering import Meter, read_meter
from gateway.ocpp201.words import CHARGING_STATE, EVENT, FREE, id_token_info
from gateway.wire import dicts, plug, small, text
from sessions import authorization, costs
from sessions.events import Novelty
from sessions.following import Followed, Told
from sessions.models import ChargingSession, SessionEvent

# What is out of order stays so, whatever a session says of its charging.
IN_ORDER = frozenset(ConnectorStatus) - {ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE}


@dialect.handles("TransactionEvent", if_all_fails={})
def transaction_event(call: Call) -> Answer:
    """E01–E15: begin, change or end a session; idTokenInfo whenever the event carries a token, however old (E05)."""
    meter = read_meter(call.payload.get("meterValue"))
    told = _told(call, meter)
    if told is None:
        call.findings.append("It names no eventType or no transactionId; it belongs to no session.")
        return _answer(_verdict_alone(call))
    then = partial(_followed, call, told, meter)
    return call.books.sessions.follow(call.charger, told, at=call.at, then=then)


def _followed(call: Call, told: Told, meter: Meter, followed: Followed) -> Payload:
    session = followed.session
    if followed.novelty is not Novelty.REPEAT:
        place = {"evse_id": session.evse_id, "connector_id": session.connector_id}
        meter.into_book(call, **place, session=session, seq_no=told.seq_no)
        _tell_connector(call, told, followed)
        call.event("transactions", kind=told.kind.value, **events.of_session(session), trigger=told.trigger)
    if told.kind == SessionEvent.Kind.STOPPED:
        call.books.ended_profiles.end_of_session(
            call.charger, session.transaction_id, evse_id=session.evse_id, stopped_at=session.stopped_at
        )
    if not told.is_offline and (finding := clocks.observe(call.charger, told.device_time, at=call.at)):
        call.findings.append(finding)
    call.books.changed_sessions |= {session.pk, *(closed.pk for closed in followed.superseded)}
    call.books.changed_chargers.add(call.charger.pk)
    return _answer(followed.authorization) | _cost(call, told, session)


def _answer(verdict: authorization.Authorization | None) -> Payload:
    return {"idTokenInfo": id_token_info(verdict)} if verdict else {}


def _cost(call: Call, told: Told, session: ChargingSession) -> Payload:
    """I02, I03: what a session has cost, at its end and while it runs, as far as its readings were told before.

    Nothing at the start, nor to a station that sums up itself (2.1), nor where energy is in doubt: absent is not free.
    """
    if told.kind == SessionEvent.Kind.STARTED or "costDetails" in call.payload:
        return {}
    cost = costs.of(session, at=call.at)
    return {"totalCost": float(cost.amount)} if cost else {}


def _verdict_alone(call: Call) -> authorization.Authorization | None:
    value = text(_object(call.payload, "idToken").get("idToken"))
    return authorization.authorize(value, at=call.at) if "idToken" in call.payload else None


def _told(call: Call, meter: Meter) -> Told | None:
    """The event in our words; None if it cannot be told which session it means."""
    event, info = call.payload, _object(call.payload, "transactionInfo")
    kind, name = EVENT.get(text(event.get("eventType"))), text(info.get("transactionId"))
    if kind is None or not name:
        return None
    place, token = _object(event, "evse"), _object(event, "idToken")
    trigger = text(event.get("triggerReason"))
    is_end = kind == SessionEvent.Kind.STOPPED
    return Told(
        kind=kind,
        transaction_id=name[:64],
        seq_no=max(small(event.get("seqNo")) or 0, 0),
        device_time=text(event.get("timestamp")),
        # Sent live, lost, and sent again from the queue, an event is the same but for this flag.
        as_sent={name: value for name, value in event.items() if name != "offline"},
        trigger=trigger,
        is_offline=event.get("offline") is True,
        evse_id=plug(place.get("id")),
        connector_id=plug(place.get("connectorId")),
        token=text(token.get("idToken")) if token else None,
        needs_token=token.get("type") != FREE,
        ends_by_token=is_end or trigger == "StopAuthorized",
        state=CHARGING_STATE.get(text(info.get("chargingState"))),
        reason=(text(info.get("stoppedReason")) or "Local") if is_end else "",  # E06: may be left out if it is Local
        remote_start_id=small(info.get("remoteStartId")),
        reservation_id=small(event.get("reservationId")),
        meter_first_wh=meter.register("Transaction.Begin", last=False),
        meter_last_wh=meter.register("Transaction.End", last=True),
    )


def _tell_connector(call: Call, told: Told, followed: Followed) -> None:
    """What a live event says of its connector, which StatusNotification calls just Occupied."""
    session, state = followed.session, _object(call.payload, "transactionInfo").get("chargingState")
    is_over = told.kind == SessionEvent.Kind.STOPPED
    status = ConnectorStatus.FINISHING if is_over else told.state
    if told.is_offline or not followed.is_latest or status is None or session.evse_id == 0:
        return
    report = StatusReport(
        charger_id=call.charger.pk,
        evse_id=session.evse_id,
        connector_id=session.connector_id,
        status=status,
        device_time=told.device_time,
        at=call.at,
        # The car may have left before its session tells that it idles, or has ended.
        only_from=IN_USE if is_over or state == "Idle" else IN_ORDER,
    )
    call.books.statuses.add(report)


def _object(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(iter(dicts([told.get(name)])), {})
