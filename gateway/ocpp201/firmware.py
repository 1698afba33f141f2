"""Firmware updates and uploads of logs. OCPP 2.0.1 part 2, L and N01."""

from __future__ import annotations

from chargers.models import Command, Transfer
from chargers.transfers import record_step
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import request_id
from gateway.wire import moment, need, number, one_of, said, small, text

LOG = {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}


@dialect.handles("FirmwareStatusNotification")
def firmware_status_notification(call: Call) -> Payload:
    """L01. That it is installed shows in the next boot."""
    return _step(call, Transfer.Kind.FIRMWARE)


@dialect.handles("LogStatusNotification")
def log_status_notification(call: Call) -> Payload:
    """N01."""
    return _step(call, Transfer.Kind.LOG)


def _step(call: Call, kind: Transfer.Kind) -> Payload:
    status, asked_by = text(call.payload.get("status")), small(call.payload.get("requestId"))
    if record_step(call.charger, kind, status, request_id=asked_by, at=call.at):
        call.books.changed_chargers.add(call.charger.pk)
        call.event("firmware", kind=kind.value, status=status, request_id=asked_by)
    return {}


@dialect.sends("update_firmware")
def update_firmware(command: Command) -> tuple[str, Payload]:
    retrieve_at = moment(command, need(command, "retrieve_at"), "retrieve_at")
    return "UpdateFirmware", said(
        requestId=request_id(command),
        firmware={"location": need(command, "url"), "retrieveDateTime": retrieve_at},
        retries=number(command, "retries"),
        retryInterval=number(command, "retry_interval_s"),
    )


@dialect.sends("fetch_logs")
def fetch_logs(command: Command) -> tuple[str, Payload]:
    log = said(
        remoteLocation=need(command, "url"),
        oldestTimestamp=moment(command, command.arguments.get("since"), "since"),
        latestTimestamp=moment(command, command.arguments.get("until"), "until"),
    )
    kind = one_of(command, "kind", LOG, command.arguments.get("kind", "diagnostics"))
    return "GetLog", said(logType=kind, requestId=request_id(command), log=log, retries=number(command, "retries"))
