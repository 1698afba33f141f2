"""Values of variables as a stream of SENDs. OCPP 2.1 part 2, N11–N15.

A station opens a stream for a monitor that we set with ``periodicEventStream``. What comes is kept; it may come often,
so it costs no query of its own.
"""

from __future__ import annotations

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp21.dialect import dialect
from gateway.wire import need_number, number, said


@dialect.handles("OpenPeriodicEventStream")
def open_periodic_event_stream(call: Call) -> Payload:
    """N11."""
    stream = call.payload["constantStreamData"]
    call.books.notices.add(call.charger, "stream_opened", stream, key=stream["id"], at=call.at)
    return {"status": "Accepted"}


@dialect.handles("ClosePeriodicEventStream")
def close_periodic_event_stream(call: Call) -> Payload:
    """N12."""
    call.books.notices.add(call.charger, "stream_closed", call.payload, key=call.payload["id"], at=call.at)
    return {}


@dialect.hears("NotifyPeriodicEventStream")
def notify_periodic_event_stream(call: Call) -> None:
    """N14: values ``v`` at ``t`` seconds after ``basetime``. Nobody answers, and what is lost is lost."""
    call.books.notices.add(call.charger, "stream_values", call.payload, key=call.payload["id"], at=call.at)


@dialect.sends("read_streams")
def read_streams(command: Command) -> tuple[str, Payload]:
    """N13."""
    return "GetPeriodicEventStream", {}


@dialect.sends("adjust_stream")
def adjust_stream(command: Command) -> tuple[str, Payload]:
    """N15: how often (``interval_s``), or after how many ``values``, the station sends."""
    params = said(interval=number(command, "interval_s"), values=number(command, "values"))
    return "AdjustPeriodicEventStream", {"id": need_number(command, "stream_id"), "params": params}
