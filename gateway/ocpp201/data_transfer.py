"""Messages that only a vendor understands. OCPP 2.0.1 part 2, P."""

from __future__ import annotations

from chargers.models import Command
from gateway import vendor
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.wire import need, said


@dialect.handles("DataTransfer")
def data_transfer(call: Call) -> Payload:
    """P02."""
    return vendor.take_message(call)


@dialect.sends("data_transfer")
def send_data_transfer(command: Command) -> tuple[str, Payload]:
    """P01."""
    return "DataTransfer", said(
        vendorId=need(command, "vendor_id"),
        messageId=command.arguments.get("message_id") or None,
        data=command.arguments.get("data"),
    )
