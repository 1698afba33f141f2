"""A charger comes up and reports that it lives. OCPP 1.6 §4.2, §4.6."""

from __future__ import annotations

from chargers.boots import Nameplate, record_boot
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
    boot = record_boot(call.charger, nameplate, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    facts = {"vendor": boot.vendor, "model": boot.model, "firmware_version": boot.firmware_version}
    call.event("boot", **facts, verdict=boot.verdict.lower())
    return {"status": boot.verdict, "interval": boot.interval_s, "currentTime": wire_time(call.at)}


@dialect.handles("Heartbeat")
def heartbeat(call: Call) -> Payload:
    """§4.6: the answer sets the charger's clock."""
    call.books.presence.heard(call.charger, call.at, heartbeat=True)
    return {"currentTime": wire_time(call.at)}
