"""Distributed energy resources: what a station does for the grid. OCPP 2.1 part 2, R. Kept as told, not planned with.

What a control does is said in the specification's words: ``{"curve": {…}}``, ``{"freqDroop": {…}}``.
"""

from __future__ import annotations

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201.words import request_id
from gateway.wire import dicts, moment, need, need_number, said, text


@dialect.handles("NotifyDERAlarm")
def notify_der_alarm(call: Call) -> Payload:
    """R06: the grid leaves, or is back within, the limits of a control."""
    return _keep(call, "der_alarm", key=text(call.payload.get("controlType")))


@dialect.handles("NotifyDERStartStop")
def notify_der_start_stop(call: Call) -> Payload:
    """R05: a scheduled control begins or ends."""
    return _keep(call, "der_start_stop", key=text(call.payload.get("controlId")))


@dialect.handles("ReportDERControl")
def report_der_control(call: Call) -> Payload:
    """R04: the controls that a station holds, by kind; a report comes in parts, in any order."""
    for kind, controls in call.payload.items():
        for control in dicts(controls):
            call.books.notices.add(
                call.charger, "der_control", {"kind": kind, **control}, key=text(control.get("id")), at=call.at
            )
    call.books.changed_chargers.add(call.charger.pk)
    return {}


@dialect.sends("set_der_control")
def set_der_control(command: Command) -> tuple[str, Payload]:
    """A default one, or one that is scheduled."""
    control = need(command, "control")
    if not isinstance(control, dict) or len(control) != 1:
        raise Unspeakable("'control' must be an object with one member, as SetDERControlRequest of OCPP 2.1 has it.")
    told = {"controlId": need(command, "control_id"), "controlType": need(command, "kind")}
    return "SetDERControl", {"isDefault": _is_default(command), **told, **control}


@dialect.sends("read_der_controls")
def read_der_controls(command: Command) -> tuple[str, Payload]:
    """Those of a kind, or the one named; what the station holds comes in a report."""
    is_default = _is_default(command) if "is_default" in command.arguments else None
    return "GetDERControl", said(requestId=request_id(command), isDefault=is_default, **_which(command))


@dialect.sends("clear_der_controls")
def clear_der_controls(command: Command) -> tuple[str, Payload]:
    """Those of a kind, the one named, or all; the default ones or those that were scheduled."""
    return "ClearDERControl", said(isDefault=_is_default(command), **_which(command))


@dialect.sends("signal_afrr")
def signal_afrr(command: Command) -> tuple[str, Payload]:
    """Part 2, Q: where on its curve a profile for frequency restoration (aFRR) is to be now."""
    at = moment(command, need(command, "at"), "at")
    return "AFRRSignal", {"timestamp": at, "signal": need_number(command, "signal")}


def _which(command: Command) -> Payload:
    named = {"controlType": command.arguments.get("kind"), "controlId": command.arguments.get("control_id")}
    return {name: value for name, value in named.items() if value}


def _is_default(command: Command) -> bool:
    value = command.arguments.get("is_default", False)
    if not isinstance(value, bool):
        raise Unspeakable(f"'is_default' of {command.verb!r} is {value!r}; it must be true or false.")
    return value


def _keep(call: Call, kind: str, *, key: str) -> Payload:
    call.books.notices.add(call.charger, kind, call.payload, key=key, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {}
