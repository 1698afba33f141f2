"""Meter values. OCPP 1.6 §4.7, §7.32 ff."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.ocpp16.words import connector_of
from gateway.wire import dicts, small, text
from sessions.models import ChargingSession
from sessions.readings import Reading
from sessions.units import Sample, sample

PERIODIC = "Sample.Periodic"  # §7.36: what a sample without context is


@dialect.handles("MeterValues", if_all_fails={})
def meter_values(call: Call) -> Payload:
    """§4.7. Without a transactionId, or with one that we do not know, the readings find their session by time."""
    number = small(call.payload.get("transactionId"))
    read_meter(
        call,
        call.payload.get("meterValue"),
        evse_id=connector_of(call),
        transaction_id=str(number) if number is not None and number > 0 else "",
    )
    call.books.changed_chargers.add(call.charger.pk)
    return {}


def read_meter(
    call: Call, values: object, *, evse_id: int, transaction_id: str = "", session: ChargingSession | None = None
) -> None:
    """Put a list of MeterValue into the book: one reading per time and context."""
    name = session.transaction_id if session else transaction_id
    for value in dicts(values):
        by_context: defaultdict[str, list[Sample]] = defaultdict(list)
        for sampled in dicts(value.get("sampledValue")):
            by_context[text(sampled.get("context")) or PERIODIC].append(_sample(sampled))
        for context, samples in by_context.items():
            reading = Reading(
                charger_id=call.charger.pk,
                evse_id=evse_id,
                connector_id=1 if evse_id else 0,
                session_id=session.pk if session else None,
                transaction_id=name,
                device_time=text(value.get("timestamp")),
                context=context,
                samples=samples,
                received_at=call.at,
            )
            call.books.readings.add(reading)
            facts = {"measured_at": reading.device_time, "context": context, "samples": samples}
            call.event("meter_values", evse_id=evse_id, transaction_id=name, **facts)


def _sample(sampled: dict[str, Any]) -> Sample:
    return sample(
        sampled.get("value", ""),
        measurand=text(sampled.get("measurand")),
        unit=text(sampled.get("unit")),
        phase=text(sampled.get("phase")),
        location=text(sampled.get("location")),
        is_text=sampled.get("format") == "SignedData",
    )
