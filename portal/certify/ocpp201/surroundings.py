"""K: limits that others set, and the needs of cars. The operator orders what follows from them."""

from __future__ import annotations

from typing import Any

from portal.certify.ocpp201.smartcharging import for_transaction, sets
from portal.certify.registry import proves
from portal.certify.station import OK
from portal.certify.station201 import Station201
from portal.certify.wire import now

LIMIT = {"chargingLimitSource": "EMS", "isGridCritical": False}


def schedule(limit: float) -> dict[str, Any]:
    return {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}


@proves("TC_K_48")
async def a_limit_from_outside(s: Station201) -> None:
    for limit in (10.0, 8.0):  # set, then changed
        told = {"chargingLimit": LIMIT, "chargingSchedule": [schedule(limit)], "evseId": 1}
        await s.says("NotifyChargingLimit", told)


@proves("TC_K_50")
async def a_limit_is_lifted(s: Station201) -> None:
    await a_limit_from_outside(s)
    await s.says("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})


@proves("TC_K_51")
async def a_limit_is_lifted_in_a_session(s: Station201) -> None:
    await s.charges()
    await a_limit_from_outside(s)
    await s.tells("ChargingRateChanged", "Charging")
    await s.says("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
    await s.tells("ChargingRateChanged", "Charging")


# -- by ISO 15118 ------------------------------------------------------------------------------------------------------


async def needs(s: Station201, energy_wh: int = 22_000) -> None:
    ac = {"energyAmount": energy_wh, "evMinCurrent": 6, "evMaxCurrent": 32, "evMaxVoltage": 400}
    told = {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": ac}
    payload = {"evseId": 1, "maxScheduleTuples": 3, "chargingNeeds": told}
    await s.says("NotifyEVChargingNeeds", payload, {"status": {"Accepted", "Processing"}})


async def is_given(s: Station201, limit: float) -> None:
    """A profile for the session, and the car's schedule within it."""
    await s.ordered(*sets("tx", limit=limit, **for_transaction(s.transaction)), OK)


async def means_to_charge(s: Station201, limit: float) -> None:
    told = {"evseId": 1, "timeBase": now(), "chargingSchedule": schedule(limit)}
    await s.says("NotifyEVChargingSchedule", told, {"status": "Accepted"})


async def negotiates(s: Station201) -> None:
    await s.is_plugged_in()
    await s.is_authorized()
    await needs(s)
    await is_given(s, 16.0)
    await means_to_charge(s, 16.0)
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, charging_state="charging")


@proves("TC_K_53")
async def load_leveling(s: Station201) -> None:
    await negotiates(s)


@proves("TC_K_55")
async def the_car_wants_more_than_its_limits(s: Station201) -> None:
    await s.is_plugged_in()
    await s.is_authorized()
    await needs(s)
    await is_given(s, 16.0)
    await means_to_charge(s, 32.0)
    await is_given(s, 16.0)
    await means_to_charge(s, 16.0)
    await s.tells("ChargingStateChanged", "Charging")


@proves("TC_K_57")
async def negotiated_again_by_the_car(s: Station201) -> None:
    await negotiates(s)
    await needs(s, 11_000)
    await is_given(s, 10.0)
    await means_to_charge(s, 10.0)
    await s.tells("ChargingRateChanged", "Charging")


@proves("TC_K_58")
async def negotiated_again_by_us(s: Station201) -> None:
    await negotiates(s)
    await is_given(s, 8.0)
    await means_to_charge(s, 8.0)
    await s.tells("ChargingRateChanged", "Charging")


@proves("TC_K_59")
async def the_car_tells_its_needs_again(s: Station201) -> None:
    await negotiates(s)
    await is_given(s, 8.0)
    await needs(s, 5_000)
    await is_given(s, 8.0)
    await means_to_charge(s, 8.0)
    await s.tells("ChargingRateChanged", "Charging")
