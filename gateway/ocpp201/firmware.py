"""Firmware updates and uploads of logs. OCPP 2.0.1 part 2, L and N01."""

from __future__ import annotations

from chargers import uploads
from chargers.models import Command, Transfer
from chargers.transfers import record_step
from gateway.call import Call
from gateway.dialect import Payload
from gateway.files import to_fetch, to_leave
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import request_id
from gateway.wire import address, moment, need, number, one_of, said, small, text

LOG = {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}


@dialect.handles("FirmwareStatusNotification")
def firmware_status_notification(call: Call) -> Payload:
    """L01. That it is installed shows in the next boot."""
    return _step(call, Transfer.Kind.FIRMWARE)


@dialect.handles("PublishFirmwareStatusNotification")
def publish_firmware_status_notification(call: Call) -> Payload:
    """L03: how far a local controller is in offering a firmware to the stations behind it."""
    return _step(call, Transfer.Kind.PUBLICATION)


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
    """L01 with ``certificate`` and ``signature``, L02 without."""
    firmware = said(
        location=to_fetch(command),
        retrieveDateTime=moment(command, need(command, "retrieve_at"), "retrieve_at"),
        installDateTime=moment(command, command.arguments.get("install_at"), "install_at"),
        signingCertificate=command.arguments.get("certificate") or None,
        signature=command.arguments.get("signature") or None,
    )
    return "UpdateFirmware", said(
        requestId=request_id(command),
        firmware=firmware,
        retries=number(command, "retries"),
        retryInterval=number(command, "retry_interval_s"),
    )


@dialect.sends("publish_firmware")
def publish_firmware(command: Command) -> tuple[str, Payload]:
    """L03. ``checksum``: MD5 of the file, hexadecimal."""
    return "PublishFirmware", said(
        requestId=request_id(command),
        location=address(command, "url"),
        checksum=need(command, "checksum"),
        retries=number(command, "retries"),
        retryInterval=number(command, "retry_interval_s"),
    )


@dialect.sends("unpublish_firmware")
def unpublish_firmware(command: Command) -> tuple[str, Payload]:
    """L04."""
    return "UnpublishFirmware", {"checksum": need(command, "checksum")}


@dialect.sends("fetch_logs")
def fetch_logs(command: Command) -> tuple[str, Payload]:
    kind = one_of(command, "kind", LOG, command.arguments.get("kind", "diagnostics"))
    log = said(
        remoteLocation=to_leave(command, command.arguments.get("kind", "diagnostics")),
        oldestTimestamp=moment(command, command.arguments.get("since"), "since"),
        latestTimestamp=moment(command, command.arguments.get("until"), "until"),
    )
    return "GetLog", said(logType=kind, requestId=request_id(command), log=log, retries=number(command, "retries"))


@dialect.answers("GetLog")
def log_named(command: Command, answer: Payload, call: Call) -> None:
    uploads.call_it(command, text(answer.get("filename")))
