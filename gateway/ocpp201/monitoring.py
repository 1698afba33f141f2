"""What a station tells of its own accord about its variables. OCPP 2.0.1 part 2, N07."""

from __future__ import annotations

from typing import Any

from chargers import configuration
from chargers.configuration import Reported
from chargers.connectors import StatusReport
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import place_from_words
from gateway.wire import dicts, text

PROBLEM = "Problem"  # the variable by which a component says that something is wrong with it


@dialect.handles("NotifyEvent")
def notify_event(call: Call) -> Payload:
    """N07: new values of variables; a problem shows on its connector, for StatusNotification says only Faulted."""
    told = dicts(call.payload.get("eventData"))
    values = [Reported(place_from_words(each), value=text(each.get("actualValue"))) for each in told]
    configuration.record(call.charger, values, at=call.at)
    for each in told:
        if place_from_words(each).name == PROBLEM:
            call.books.statuses.add(_problem(call, each))
    call.books.changed_chargers.add(call.charger.pk)
    return {}


def _problem(call: Call, event: dict[str, Any]) -> StatusReport:
    place = place_from_words(event)
    is_wrong = text(event.get("actualValue")).lower() == "true" and event.get("cleared") is not True
    return StatusReport(
        charger_id=call.charger.pk,
        evse_id=place.evse_id,
        connector_id=(place.connector_id or 1) if place.evse_id else 0,
        status=None,
        error_code=(text(event.get("techCode")) or PROBLEM) if is_wrong else "",
        info=text(event.get("techInfo")) if is_wrong else "",
        device_time=text(event.get("timestamp")),
        at=call.at,
    )
