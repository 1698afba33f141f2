"""Paying at the station. OCPP 2.1 part 2, C25 and I."""

from __future__ import annotations

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp21.dialect import dialect
from gateway.wire import need_number, said, text


@dialect.handles("NotifySettlement", if_all_fails={})
def notify_settlement(call: Call) -> Payload:
    """I: a payment terminal has settled a payment. Money: kept once as told, whatever is wrong with it."""
    told, reference = call.payload, text(call.payload.get("pspRef"))
    if not call.books.notices.add_once(call.charger, "settlement", told, key=reference, at=call.at):
        return {}
    call.books.changed_chargers.add(call.charger.pk)
    call.event(
        "transactions",
        kind="settlement",
        transaction_id=text(told.get("transactionId")),
        payment=reference,
        status=text(told.get("status")),
        amount=told.get("settlementAmount"),
    )
    return {}


@dialect.handles("VatNumberValidation")
def vat_number_validation(call: Call) -> Payload:
    """I: is this a company? We ask no register, so we cannot say yes; the number is kept for the invoice."""
    told = call.payload
    call.books.notices.add(call.charger, "vat_number", told, key=text(told.get("vatNumber")), at=call.at)
    return said(
        vatNumber=told["vatNumber"],
        evseId=told.get("evseId"),
        status="Rejected",
        statusInfo={"reasonCode": "NotAvailable", "additionalInfo": "VAT numbers are not validated here."},
    )


@dialect.sends("web_payment_started")
def web_payment_started(command: Command) -> tuple[str, Payload]:
    """C25: somebody pays on the web for an EVSE, which shows so and waits for ``timeout_s``."""
    return "NotifyWebPaymentStarted", {
        "evseId": need_number(command, "evse_id"),
        "timeout": need_number(command, "timeout_s"),
    }
