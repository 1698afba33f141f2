"""Security events. OCPP 1.6 security whitepaper §5.10."""

from __future__ import annotations

from chargers.security import record_event
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.wire import text


@dialect.handles("SecurityEventNotification")
def security_event_notification(call: Call) -> Payload:
    told = call.payload
    kind, detail = text(told.get("type")), text(told.get("techInfo"))
    if record_event(call.charger, kind, detail=detail, device_time=text(told.get("timestamp")), at=call.at):
        call.books.changed_chargers.add(call.charger.pk)
        call.event("security", kind=kind, detail=detail)
    return {}
