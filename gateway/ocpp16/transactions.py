"""Transactions, which are our sessions. OCPP 1.6 §4.8, §4.10. Never refused: the money has flowed already."""

from __future__ import annotations

from functools import partial

from gateway import events
from gateway.call import Call
from gateway.dialect import Answer, Payload
from gateway.errors import ProtocolError
from gateway.ocpp16.dialect import dialect
from gateway.ocpp16.metering import read_meter
from gateway.ocpp16.words import connector_of, id_tag_info
from gateway.wire import small, text, whole
from sessions.starting import Start, Started
from sessions.stopping import Stop, Stopped


@dialect.handles("StartTransaction", is_money=True)
def start_transaction(call: Call) -> Answer:
    """§4.8: a transaction is given a number whatever the card; the charger decides by idTagInfo whether to go on."""
    told = call.payload
    if "connectorId" not in told and "idTag" not in told:
        raise ProtocolError("StartTransaction names neither connectorId nor idTag; nothing can be started from it.")
    wanted = Start(
        evse_id=connector_of(call),
        token=text(told.get("idTag")),
        meter_start_wh=whole(told.get("meterStart")),
        device_time=text(told.get("timestamp")),
        reservation_id=small(told.get("reservationId")),
        as_sent=told,
    )
    return call.books.sessions.start(call.charger, wanted, at=call.at, then=partial(_started, call))


def _started(call: Call, begun: Started) -> Payload:
    session = begun.session
    call.books.changed_sessions |= {session.pk, *(closed.pk for closed in begun.superseded)}
    call.books.changed_chargers.add(call.charger.pk)
    if begun.is_new:
        call.event("transactions", kind="started", **events.of_session(session))
    return {"transactionId": int(session.transaction_id), "idTagInfo": id_tag_info(begun.authorization)}


@dialect.handles("StopTransaction", if_all_fails={})
def stop_transaction(call: Call) -> Answer:
    """§4.10. A transaction that we do not know is confirmed as well; the charger would repeat it for ever."""
    told = call.payload
    if "transactionId" not in told and "meterStop" not in told:
        call.findings.append("It names neither transactionId nor meterStop; nothing can be stopped by it.")
        return {}
    wanted = Stop(
        number=small(told.get("transactionId")),
        meter_stop_wh=whole(told.get("meterStop")),
        device_time=text(told.get("timestamp")),
        reason=text(told.get("reason")) or "Local",  # §6.49: a missing reason means Local
        token=text(told.get("idTag")),
        as_sent=told,
    )
    return call.books.sessions.stop(call.charger, wanted, at=call.at, then=partial(_stopped, call))


def _stopped(call: Call, ended: Stopped) -> Payload:
    session = ended.session
    read_meter(call, call.payload.get("transactionData"), evse_id=session.evse_id, session=session)
    call.books.ended_profiles.end_of_session(
        call.charger, session.transaction_id, evse_id=session.evse_id, stopped_at=session.stopped_at
    )
    call.books.changed_sessions.add(session.pk)
    call.books.changed_chargers.add(call.charger.pk)
    if ended.is_new:
        call.event("transactions", kind="stopped", **events.of_session(session))
    return {"idTagInfo": id_tag_info(ended.authorization)} if ended.authorization else {}
