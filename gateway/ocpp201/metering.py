"""Meter values. OCPP 2.0.1 part 2, J."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from chargers import clocks
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.wire import dicts, plug, small, text
from sessions.measurands import quantities, with_sum_of_phases
from sessions.models import ChargingSession
from sessions.readings import Reading
from sessions.units import Sample, sample

PERIODIC = "Sample.Periodic"  # what a sample without context is


@dialect.handles("MeterValues", if_all_fails={})
def meter_values(call: Call) -> Payload:
    """J01: readings outside of transactions; one that was taken during a session finds it by EVSE and time."""
    told = call.payload.get("evseId")
    evse_id = plug(told)
    if evse_id is None:
        call.findings.append(f"evseId {told!r} is no EVSE; taken as the station's main meter.")
    meter = read_meter(call.payload.get("meterValue"))
    meter.into_book(call, evse_id=evse_id or 0, connector_id=1 if evse_id else 0)
    call.books.changed_chargers.add(call.charger.pk)
    return {}


@dataclass(slots=True, frozen=True)
class Meter:
    """A list of MeterValue: samples by time as sent and context."""

    readings: list[tuple[str, str, list[Sample]]]

    def register(self, context: str, *, last: bool) -> float | None:
        """The energy register in Wh of this context, else the first or last one there is."""
        found = [
            (clocks.parse(moment), told, wh)
            for moment, told, samples in self.readings
            if (wh := quantities(with_sum_of_phases(samples))["energy_wh"]) is not None
        ]
        if not found:
            return None
        wanted = [entry for entry in found if entry[1] == context] or found
        if all(moment is not None for moment, _, _ in wanted):
            wanted.sort(key=lambda entry: str(entry[0]))
        return wanted[-1 if last else 0][2]

    def into_book(
        self,
        call: Call,
        *,
        evse_id: int,
        connector_id: int,
        session: ChargingSession | None = None,
        seq_no: int | None = None,
    ) -> None:
        """Have the readings stored with the batch."""
        name = session.transaction_id if session else ""
        for moment, context, samples in self.readings:
            reading = Reading(
                charger_id=call.charger.pk,
                evse_id=evse_id,
                connector_id=connector_id,
                session_id=session.pk if session else None,
                transaction_id=name,
                seq_no=seq_no,
                device_time=moment,
                context=context,
                samples=samples,
                received_at=call.at,
            )
            call.books.readings.add(reading)
            facts = {"measured_at": moment, "context": context, "samples": samples}
            call.event("meter_values", evse_id=evse_id, transaction_id=name, **facts)


def read_meter(values: object) -> Meter:
    readings: list[tuple[str, str, list[Sample]]] = []
    for value in dicts(values):
        by_context: defaultdict[str, list[Sample]] = defaultdict(list)
        for sampled in dicts(value.get("sampledValue")):
            by_context[text(sampled.get("context")) or PERIODIC].append(_sample(sampled))
        readings += [(text(value.get("timestamp")), context, samples) for context, samples in by_context.items()]
    return Meter(readings)


def _sample(sampled: dict[str, Any]) -> Sample:
    unit = sampled.get("unitOfMeasure") or {}
    return sample(
        sampled.get("value", ""),
        measurand=text(sampled.get("measurand")),
        unit=text(unit.get("unit")),
        multiplier=small(unit.get("multiplier")) or 0,
        phase=text(sampled.get("phase")),
        location=text(sampled.get("location")),
        signed=sampled.get("signedMeterValue"),
    )
