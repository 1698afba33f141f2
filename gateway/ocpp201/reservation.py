"""Keeping an EVSE free. OCPP 2.0.1 part 2, H."""

from __future__ import annotations

from chargers import clocks
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import id_token
from gateway.wire import moment, need, need_number, number, plug, said, small, text
from sessions import reservations

OVER = {"Expired": "expired", "Removed": "cancelled"}


@dialect.handles("ReservationStatusUpdate")
def reservation_status_update(call: Call) -> Payload:
    """H04: nobody came, or the station dropped it."""
    reservation_id = small(call.payload.get("reservationId"))
    status = OVER.get(text(call.payload.get("reservationUpdateStatus")))
    if reservation_id is not None and status is not None and reservations.end(call.charger, reservation_id, status):
        call.books.changed_chargers.add(call.charger.pk)
    return {}


@dialect.sends("reserve")
def reserve(command: Command) -> tuple[str, Payload]:
    """H01, H03 (``group``: whose cards may use it). EVSE 0: any; ``connector_type`` in the specification's word."""
    group = command.arguments.get("group")
    return "ReserveNow", said(
        id=need_number(command, "reservation_id"),
        expiryDateTime=moment(command, need(command, "expires_at"), "expires_at"),
        idToken=id_token(str(need(command, "token"))),
        evseId=number(command, "evse_id") or None,
        connectorType=command.arguments.get("connector_type") or None,
        groupIdToken={"idToken": group, "type": "Central"} if group else None,
    )


@dialect.answers("ReserveNow")
def reserved(command: Command, answer: Payload, call: Call) -> None:
    asked = command.payload
    reservation_id, token = small(asked.get("id")), asked.get("idToken") or {}
    if answer.get("status") == "Accepted" and reservation_id is not None:
        reservations.record(
            call.charger,
            reservation_id,
            evse_id=plug(asked.get("evseId")) or 0,
            token=text(token.get("idToken")),
            expires_at=clocks.parse(asked.get("expiryDateTime")) or call.at,
        )
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("cancel_reservation")
def cancel_reservation(command: Command) -> tuple[str, Payload]:
    """H02."""
    return "CancelReservation", {"reservationId": need_number(command, "reservation_id")}


@dialect.answers("CancelReservation")
def reservation_cancelled(command: Command, answer: Payload, call: Call) -> None:
    reservation_id = small(command.payload.get("reservationId"))
    if answer.get("status") == "Accepted" and reservation_id is not None:
        reservations.end(call.charger, reservation_id, "cancelled")
        call.books.changed_chargers.add(call.charger.pk)
