"""What only a vendor understands: kept, and answered honestly, for no vendor's messages are known here yet."""

from __future__ import annotations

import json

from chargers.transfers import record_vendor_message
from gateway.call import Call
from gateway.dialect import Payload
from gateway.wire import text


def take_message(call: Call) -> Payload:
    """Answer a DataTransfer of any version. ``data`` may be any JSON; what is no text is kept as JSON text."""
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
