"""A charger comes up and reports that it lives. OCPP 1.6 §4.2, §4.6."""

from __future__ import annotations

from chargers.boots import Nameplate
from gateway.boot import answer_boot
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.wire import text, wire_time


@dialect.handles("BootNotification")
def boot_notification(call: Call) -> Payload:
    """Record a boot and tell the charger whether, and how often, to report. §4.2, §6.3–6.4."""
    told = call.payload
    nameplate = Nameplate(
        vendor=text(told.get("chargePointVendor")),
        model=text(told.get("chargePointModel")),
        serial_number=text(told.get("chargePointSerialNumber")) or text(told.get("chargeBoxSerialNumber")),
        firmware_version=text(told.get("firmwareVersion")),
        iccid=text(told.get("iccid")),
        imsi=text(told.get("imsi")),
    )
    return answer_boot(call, nameplate)


@dialect.handles("Heartbeat")
def heartbeat(call: Call) -> Payload:
    """§4.6: the answer sets the charger's clock."""
    call.books.presence.heard(call.charger, call.at, heartbeat=True)
    return {"currentTime": wire_time(call.at)}
