"""Messages that only a vendor understands. OCPP 1.6 §4.3, §5.7."""

from __future__ import annotations

import json

from chargers.models import Command
from chargers.transfers import record_vendor_message
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.wire import need, said, text


@dialect.handles("DataTransfer")
def data_transfer(call: Call) -> Payload:
    """Kept, and answered honestly: no vendor's messages are known here yet."""
    told, data = call.payload, call.payload.get("data")
    record_vendor_message(
        call.charger,
        vendor_id=text(told.get("vendorId")),
        message_id=text(told.get("messageId")),
        data=data if isinstance(data, str) else json.dumps(data) if data is not None else "",
        at=call.at,
    )
    call.books.changed_chargers.add(call.charger.pk)
    return {"status": "UnknownVendorId"}


@dialect.sends("data_transfer")
def send_data_transfer(command: Command) -> tuple[str, Payload]:
    """§6.17: data is text in 1.6; anything else goes as JSON text."""
    data = command.arguments.get("data")
    return "DataTransfer", said(
        vendorId=need(command, "vendor_id"),
        messageId=command.arguments.get("message_id") or None,
        data=data if data is None or isinstance(data, str) else json.dumps(data),
    )
