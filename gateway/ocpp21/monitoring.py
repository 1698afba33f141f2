"""Monitors of targets. OCPP 2.1 part 2, N04."""

from __future__ import annotations

from copy import copy

from chargers.models import Command
from gateway.dialect import Payload
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201 import monitoring as older
from gateway.wire import dicts, need


@dialect.sends("set_monitors")
def set_monitors(command: Command) -> tuple[str, Payload]:
    """As in 2.0.1; ``kind`` may also be "target" (off its target by ``value``) or "share" (by that part of it)."""
    asked = dicts(need(command, "monitors"))
    sayable = copy(command)
    sayable.arguments = {
        "monitors": [{**each, "kind": "delta"} if each.get("kind") in older.KIND_SINCE_21 else each for each in asked]
    }
    action, payload = older.set_monitors(sayable)
    for each, worded in zip(asked, payload["setMonitoringData"], strict=True):
        worded["type"] = older.KIND_SINCE_21.get(str(each.get("kind")), worded["type"])
    return action, payload
