"""A station comes up, reports that it lives, and is reset. OCPP 2.0.1 part 2, B and G02."""

from __future__ import annotations

from chargers.boots import Nameplate
from chargers.models import Command
from gateway.boot import answer_boot
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.wire import number, one_of, said, text, wire_time

KIND = {"hard": "Immediate", "soft": "OnIdle"}


@dialect.handles("BootNotification")
def boot_notification(call: Call) -> Payload:
    """Record a boot and tell the station whether, and how often, to report. B01–B03."""
    station = call.payload.get("chargingStation") or {}
    modem = station.get("modem") or {}
    nameplate = Nameplate(
        vendor=text(station.get("vendorName")),
        model=text(station.get("model")),
        serial_number=text(station.get("serialNumber")),
        firmware_version=text(station.get("firmwareVersion")),
        iccid=text(modem.get("iccid")),
        imsi=text(modem.get("imsi")),
    )
    return answer_boot(call, nameplate, reason=text(call.payload.get("reason")))


@dialect.handles("Heartbeat")
def heartbeat(call: Call) -> Payload:
    """G02: the answer sets the station's clock."""
    call.books.presence.heard(call.charger, call.at, heartbeat=True)
    return {"currentTime": wire_time(call.at)}


@dialect.sends("reset")
def reset(command: Command) -> tuple[str, Payload]:
    """B11, B12."""
    kind = one_of(command, "kind", KIND, command.arguments.get("kind", "soft"))
    return "Reset", said(type=kind, evseId=number(command, "evse_id") or None)
