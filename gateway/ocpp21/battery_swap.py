"""Swapping batteries at a station. OCPP 2.1 part 2, S. Kept as told; who owns which battery is not known here."""

from __future__ import annotations

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201.words import id_token, request_id
from gateway.wire import need


@dialect.handles("BatterySwap")
def battery_swap(call: Call) -> Payload:
    """S01, S02: batteries went in or out. ``requestId`` is one swap's, ours if we asked for it."""
    call.books.notices.add(
        call.charger, "battery_swap", call.payload, key=call.payload.get("requestId", ""), at=call.at
    )
    call.books.changed_chargers.add(call.charger.pk)
    return {}


@dialect.sends("request_battery_swap")
def request_battery_swap(command: Command) -> tuple[str, Payload]:
    """S03."""
    return "RequestBatterySwap", {
        "idToken": id_token(str(need(command, "token"))),
        "requestId": request_id(command),
    }
