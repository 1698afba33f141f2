"""Messages that only a vendor understands. OCPP 1.6 §4.3, §5.7."""

from __future__ import annotations

import json

from chargers.models import Command
from gateway import vendor
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.wire import need, said


@dialect.handles("DataTransfer")
def data_transfer(call: Call) -> Payload:
    """§4.3."""
    return vendor.take_message(call)


@dialect.sends("data_transfer")
def send_data_transfer(command: Command) -> tuple[str, Payload]:
    """§6.17: data is text in 1.6; anything else goes as JSON text."""
    data = command.arguments.get("data")
    return "DataTransfer", said(
        vendorId=need(command, "vendor_id"),
        messageId=command.arguments.get("message_id") or None,
        data=data if data is None or isinstance(data, str) else json.dumps(data),
    )
