"""What a station holds about a customer: told and erased. OCPP 2.0.1 part 2, N09–N10."""

from __future__ import annotations

from chargers import displays
from chargers.models import Command
from gateway.call import Call
from gateway.certificates import hashes_in_words
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import id_token, request_id
from gateway.wire import said, small, text


@dialect.sends("customer_information")
def customer_information(command: Command) -> tuple[str, Payload]:
    """N09 (``report``), N10 (``clear``); one of ``token``, ``customer`` or the hashes of a certificate says who."""
    given = command.arguments
    token, customer = given.get("token"), given.get("customer")
    certificate = hashes_in_words(command) if given.get("serial_number") else None
    if not (token or customer or certificate):
        raise Unspeakable("'customer_information' must name a 'token', a 'customer' or a certificate.")
    return "CustomerInformation", said(
        requestId=request_id(command),
        report=bool(given.get("report")),
        clear=bool(given.get("clear")),
        idToken=id_token(str(token)) if token else None,
        customerIdentifier=customer or None,
        customerCertificate=certificate,
    )


@dialect.handles("NotifyCustomerInformation")
def notify_customer_information(call: Call) -> Payload:
    """N09: one part of what it holds; an empty one says that there is nothing."""
    displays.record_customer(
        call.charger,
        request_id=small(call.payload.get("requestId")) or 0,
        seq_no=small(call.payload.get("seqNo")) or 0,
        data=text(call.payload.get("data")),
        at=call.at,
    )
    call.books.changed_chargers.add(call.charger.pk)
    return {}
