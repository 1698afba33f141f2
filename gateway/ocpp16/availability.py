"""What state connectors are in, and taking them in and out of service. OCPP 1.6 §4.9, §5.2."""

from __future__ import annotations

from chargers import clocks
from chargers.connectors import StatusReport
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.errors import PropertyConstraintViolation
from gateway.ocpp16.dialect import dialect
from gateway.ocpp16.words import STATUS
from gateway.wire import MOST_CONNECTORS, need, need_number, plug, text


@dialect.handles("StatusNotification")
def status_notification(call: Call) -> Payload:
    """A connector's state; connector 0 is the charger. §4.9."""
    told = call.payload
    connector, status = plug(told.get("connectorId")), STATUS.get(text(told.get("status")))
    if connector is None:
        raise PropertyConstraintViolation(f"connectorId {told.get('connectorId')!r} is not in 0..{MOST_CONNECTORS}.")
    if status is None:
        raise PropertyConstraintViolation(f"status {told.get('status')!r} is none of {', '.join(STATUS)}.")
    error = text(told.get("errorCode")).replace("NoError", "")
    report = StatusReport(
        charger_id=call.charger.pk,
        evse_id=connector,
        connector_id=1 if connector else 0,
        status=status,
        error_code=error,
        vendor_error_code=text(told.get("vendorErrorCode")),
        info=text(told.get("info")),
        device_time=text(told.get("timestamp")),
        at=call.at,
    )
    call.books.statuses.add(report)
    call.books.changed_chargers.add(call.charger.pk)
    if finding := clocks.observe(call.charger, told.get("timestamp"), at=call.at):
        call.findings.append(finding)
    call.event("status", evse_id=connector, connector_id=report.connector_id, status=status, error_code=error)
    return {}


@dialect.sends("change_availability")
def change_availability(command: Command) -> tuple[str, Payload]:
    kind = "Operative" if need(command, "operative") else "Inoperative"
    return "ChangeAvailability", {"connectorId": need_number(command, "evse_id"), "type": kind}
