"""What state connectors are in, and taking them in and out of service. OCPP 2.0.1 part 2, G."""

from __future__ import annotations

from chargers import clocks
from chargers.connectors import StatusReport
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.errors import PropertyConstraintViolation
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import STATUS, evse
from gateway.wire import MOST_CONNECTORS, need, need_number, number, plug, said, text


@dialect.handles("StatusNotification")
def status_notification(call: Call) -> Payload:
    """G01. Occupied is all that it says of a plug in use; sessions know more (`TransactionEvent.chargingState`)."""
    told = call.payload
    evse_id, connector_id = plug(told.get("evseId")), plug(told.get("connectorId"))
    status = STATUS.get(text(told.get("connectorStatus")))
    if evse_id is None or connector_id is None:
        raise PropertyConstraintViolation(f"evseId and connectorId must be in 0..{MOST_CONNECTORS}.")
    if status is None:
        raise PropertyConstraintViolation(f"{told.get('connectorStatus')!r} is none of {', '.join(STATUS)}.")
    report = StatusReport(
        charger_id=call.charger.pk,
        evse_id=evse_id,
        connector_id=connector_id,
        status=status,
        device_time=text(told.get("timestamp")),
        at=call.at,
    )
    call.books.statuses.add(report)
    call.books.changed_chargers.add(call.charger.pk)
    if finding := clocks.observe(call.charger, told.get("timestamp"), at=call.at):
        call.findings.append(finding)
    call.event("status", evse_id=evse_id, connector_id=connector_id, status=status, error_code="")
    return {}


@dialect.sends("change_availability")
def change_availability(command: Command) -> tuple[str, Payload]:
    """G03, G04. EVSE 0 is the station."""
    status = "Operative" if need(command, "operative") else "Inoperative"
    place = evse(need_number(command, "evse_id"), number(command, "connector_id"))
    return "ChangeAvailability", said(operationalStatus=status, evse=place)
