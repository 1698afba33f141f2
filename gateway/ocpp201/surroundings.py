"""Limits that others set, and what cars say they need. OCPP 2.0.1 part 2, K11–K17."""

from __future__ import annotations

from typing import Any

from chargers import clocks
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.profiles import our_schedule
from gateway.wire import dicts, plug, small, text
from sessions.units import as_number
from smartcharging import surroundings
from smartcharging.surroundings import Needs

# The specification's name in either current → ours with its unit.
PARAMETER = {
    "evMinCurrent": "current_min_a",
    "evMaxCurrent": "current_max_a",
    "evMaxVoltage": "voltage_max_v",
    "evMaxPower": "power_max_w",
    "evEnergyCapacity": "capacity_wh",
    "fullSoC": "soc_full_percent",
    "bulkSoC": "soc_bulk_percent",
}


@dialect.handles("NotifyChargingLimit")
def notify_charging_limit(call: Call) -> Payload:
    """K12, K13."""
    limit = _object(call.payload, "chargingLimit")
    surroundings.limited(
        call.charger,
        evse_id=plug(call.payload.get("evseId")) or 0,
        source=text(limit.get("chargingLimitSource")),
        is_grid_critical=limit.get("isGridCritical") is True,
        schedules=[our_schedule(each) for each in dicts(call.payload.get("chargingSchedule"))],
        at=call.at,
    )
    call.books.changed_chargers.add(call.charger.pk)
    return {}


@dialect.handles("ClearedChargingLimit")
def cleared_charging_limit(call: Call) -> Payload:
    """K14; without an EVSE it is the station's."""
    source = text(call.payload.get("chargingLimitSource"))
    surroundings.released(call.charger, source=source, evse_id=plug(call.payload.get("evseId")) or 0)
    call.books.changed_chargers.add(call.charger.pk)
    return {}


@dialect.handles("NotifyEVChargingNeeds")
def notify_ev_charging_needs(call: Call) -> Payload:
    """K15, K17. Processing: a schedule may follow, the car need not wait. Rejected: no session is running there."""
    told = _object(call.payload, "chargingNeeds")
    current = {**_object(told, "acChargingParameters"), **_object(told, "dcChargingParameters")}
    numbers = {ours: as_number(current.get(theirs)) for theirs, ours in PARAMETER.items()}
    needs = Needs(
        energy_transfer=text(told.get("requestedEnergyTransfer")),
        energy_wh=small(current.get("energyAmount")),
        soc_percent=as_number(current.get("stateOfCharge")),
        departs_at=clocks.parse(told.get("departureTime")),
        parameters={name: value for name, value in numbers.items() if value is not None},
    )
    evse_id = plug(call.payload.get("evseId")) or 0
    session = surroundings.needs_told(call.charger, evse_id=evse_id, needs=needs, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {"status": "Processing" if session else "Rejected"}


@dialect.handles("NotifyEVChargingSchedule")
def notify_ev_charging_schedule(call: Call) -> Payload:
    """K15, K16: how the car means to charge within our limits; it starts at timeBase if it says nothing else."""
    schedule = our_schedule(_object(call.payload, "chargingSchedule"))
    schedule.setdefault("start_at", text(call.payload.get("timeBase")))
    evse_id = plug(call.payload.get("evseId")) or 0
    surroundings.schedule_told(call.charger, evse_id=evse_id, schedule=schedule, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {"status": "Accepted"}


def _object(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(iter(dicts([told.get(name)])), {})
