"""Keeping a connector free. OCPP 1.6 §5.1, §5.13."""

from __future__ import annotations

from chargers import clocks
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.wire import moment, need, need_number, plug, said, small, text
from sessions import reservations


@dialect.sends("reserve")
def reserve(command: Command) -> tuple[str, Payload]:
    return "ReserveNow", said(
        connectorId=need_number(command, "evse_id"),
        expiryDate=moment(command, need(command, "expires_at"), "expires_at"),
        idTag=need(command, "token"),
        reservationId=need_number(command, "reservation_id"),
        parentIdTag=command.arguments.get("group") or None,
    )


@dialect.answers("ReserveNow")
def reserved(command: Command, answer: Payload, call: Call) -> None:
    asked = command.payload
    number = small(asked.get("reservationId"))
    if answer.get("status") == "Accepted" and number is not None:
        reservations.record(
            call.charger,
            number,
            evse_id=plug(asked.get("connectorId")) or 0,
            token=text(asked.get("idTag")),
            expires_at=clocks.parse(asked.get("expiryDate")) or call.at,
        )
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("cancel_reservation")
def cancel_reservation(command: Command) -> tuple[str, Payload]:
    return "CancelReservation", {"reservationId": need_number(command, "reservation_id")}


@dialect.answers("CancelReservation")
def reservation_cancelled(command: Command, answer: Payload, call: Call) -> None:
    number = small(command.payload.get("reservationId"))
    if answer.get("status") == "Accepted" and number is not None:
        reservations.end(call.charger, number, "cancelled")
        call.books.changed_chargers.add(call.charger.pk)
