"""Firmware updates and uploads of logs. OCPP 1.6 §4.4–4.5, §5.9, §5.19; security whitepaper §5."""

from __future__ import annotations

from chargers import uploads
from chargers.models import Command, Transfer
from chargers.transfers import record_step
from gateway.call import Call
from gateway.dialect import Payload
from gateway.files import to_fetch, to_leave
from gateway.ocpp16.dialect import dialect
from gateway.wire import moment, need, number, one_of, said, small, text
from sessions.remote import remote_start_id

LOG = {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}


@dialect.handles("FirmwareStatusNotification")
def firmware_status_notification(call: Call) -> Payload:
    """§4.5. That it is installed shows in the next boot."""
    return _step(call, Transfer.Kind.FIRMWARE)


@dialect.handles("SignedFirmwareStatusNotification")
def signed_firmware_status_notification(call: Call) -> Payload:
    return _step(call, Transfer.Kind.FIRMWARE)


@dialect.handles("DiagnosticsStatusNotification")
def diagnostics_status_notification(call: Call) -> Payload:
    """§4.4."""
    return _step(call, Transfer.Kind.DIAGNOSTICS)


@dialect.handles("LogStatusNotification")
def log_status_notification(call: Call) -> Payload:
    return _step(call, Transfer.Kind.LOG)


def _step(call: Call, kind: Transfer.Kind) -> Payload:
    status, request_id = text(call.payload.get("status")), small(call.payload.get("requestId"))
    if record_step(call.charger, kind, status, request_id=request_id, at=call.at):
        call.books.changed_chargers.add(call.charger.pk)
        call.event("firmware", kind=kind.value, status=status, request_id=request_id)
    return {}


@dialect.sends("update_firmware")
def update_firmware(command: Command) -> tuple[str, Payload]:
    """§5.19; one with ``certificate`` and ``signature`` goes by the whitepaper's message, which demands both."""
    retrieve_at = moment(command, need(command, "retrieve_at"), "retrieve_at")
    again = said(retries=number(command, "retries"), retryInterval=number(command, "retry_interval_s"))
    if not (command.arguments.get("signature") or command.arguments.get("certificate")):
        return "UpdateFirmware", {"location": to_fetch(command), "retrieveDate": retrieve_at, **again}
    firmware = said(
        location=to_fetch(command),
        retrieveDateTime=retrieve_at,
        installDateTime=moment(command, command.arguments.get("install_at"), "install_at"),
        signingCertificate=need(command, "certificate"),
        signature=need(command, "signature"),
    )
    return "SignedUpdateFirmware", {"requestId": remote_start_id(command.pk), "firmware": firmware, **again}


@dialect.sends("fetch_logs")
def fetch_logs(command: Command) -> tuple[str, Payload]:
    """The security log came with the whitepaper and has a message of its own."""
    kind = one_of(command, "kind", LOG, command.arguments.get("kind", "diagnostics"))
    since = moment(command, command.arguments.get("since"), "since")
    until = moment(command, command.arguments.get("until"), "until")
    retries, url = number(command, "retries"), to_leave(command, command.arguments.get("kind", "diagnostics"))
    if kind == "DiagnosticsLog":
        return "GetDiagnostics", said(location=url, retries=retries, startTime=since, stopTime=until)
    log = said(remoteLocation=url, oldestTimestamp=since, latestTimestamp=until)
    return "GetLog", said(logType=kind, requestId=remote_start_id(command.pk), retries=retries, log=log)


@dialect.answers("GetDiagnostics")
def diagnostics_named(command: Command, answer: Payload, call: Call) -> None:
    """§6.24: without a file name there is nothing to upload."""
    if name := text(answer.get("fileName")):
        uploads.call_it(command, name)
    else:
        uploads.give_up(command, "The charger says that it has no diagnostics.")


@dialect.answers("GetLog")
def log_named(command: Command, answer: Payload, call: Call) -> None:
    uploads.call_it(command, text(answer.get("filename")))
