"""Distributed energy resources: what a station does for the grid. OCPP 2.1 part 2, R. Kept as told, not planned with.

Controls are set, read and cleared by raw messages.
"""

from __future__ import annotations

from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp21.dialect import dialect
from gateway.wire import dicts, text


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


def _keep(call: Call, kind: str, *, key: str) -> Payload:
    call.books.notices.add(call.charger, kind, call.payload, key=key, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {}
