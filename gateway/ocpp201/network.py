"""How a station reaches us. OCPP 2.0.1 part 2, B09–B10 and A05."""

from __future__ import annotations

from chargers.models import Command
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.wire import need, need_number, number

VERSION = "OCPP20"  # stands for 2.0 and 2.0.1; the subprotocol decides


@dialect.sends("set_network_profile")
def set_network_profile(command: Command) -> tuple[str, Payload]:
    """B09. It is in force once `OCPPCommCtrlr.NetworkConfigurationPriority` names its slot, and after a restart."""
    return "SetNetworkProfile", {
        "configurationSlot": need_number(command, "slot"),
        "connectionData": {
            "ocppVersion": VERSION,
            "ocppTransport": "JSON",
            "ocppCsmsUrl": need(command, "url"),
            "messageTimeout": number(command, "message_timeout_s") or 30,
            "securityProfile": need_number(command, "security_profile"),
            "ocppInterface": command.arguments.get("interface") or "Wired0",
        },
    }
