"""Messages that only a vendor understands. OCPP 2.0.1 part 2, P."""

from __future__ import annotations

import json

from chargers.models import Command
from chargers.transfers import record_vendor_message
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.wire import need, said, text


@dialect.handles("DataTransfer")
def data_transfer(call: Call) -> Payload:
    """P02: kept, and answered honestly: no vendor's messages are known here yet. ``data`` may be any JSON."""
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
    """P01."""
    return "DataTransfer", said(
        vendorId=need(command, "vendor_id"),
        messageId=command.arguments.get("message_id") or None,
        data=command.arguments.get("data"),
    )
