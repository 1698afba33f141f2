"""Resets and the way to us. OCPP 2.1 part 2, B09–B13."""

from __future__ import annotations

from chargers.models import Command
from gateway.dialect import Payload
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201 import network, provisioning
from gateway.wire import number, said

RESUME = "resume"


@dialect.sends("reset")
def reset(command: Command) -> tuple[str, Payload]:
    """B13: ``resume`` resets at once and goes on with the sessions that were running."""
    if command.arguments.get("kind") == RESUME:
        return "Reset", said(type="ImmediateAndResume", evseId=number(command, "evse_id") or None)
    return provisioning.reset(command)


@dialect.sends("set_network_profile")
def set_network_profile(command: Command) -> tuple[str, Payload]:
    """B09: the version is left to the handshake, where a station offers what it speaks."""
    action, payload = network.set_network_profile(command)
    payload["connectionData"].pop("ocppVersion")
    return action, payload
