"""Charging profiles."""

from __future__ import annotations

from portal.certify.orders import Order, prove
from portal.certify.registry import proves
from portal.certify.station import OK, card
from portal.certify.station16 import Station16

PROFILE = {
    "id": 7,
    "stack_level": 0,
    "unit": "A",
    "periods": [{"start_s": 0, "limit": 16}, {"start_s": 60, "limit": 6}],
}
SCHEDULE = {
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}, {"startPeriod": 60, "limit": 6}],
}


def words(purpose: str, **more: object) -> dict[str, object]:
    return {
        "chargingProfileId": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": SCHEDULE,
        **more,
    }


prove(
    "TC_056",
    Order(
        "set_profile", {"evse_id": 1, "profile": {**PROFILE, "purpose": "tx_default"}}, "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": words("TxDefaultProfile", transactionId=None)}, OK,
    ),
)  # fmt: skip


@proves("TC_057")
async def a_profile_for_a_running_session(s: Station16) -> None:
    number = await s.charges()
    order = {"evse_id": 1, "profile": {**PROFILE, "purpose": "tx", "transaction_id": str(number)}}
    wanted = {"connectorId": 1, "csChargingProfiles": words("TxProfile", transactionId=number)}
    await s.ordered("set_profile", order, "SetChargingProfile", wanted, OK)
    await s.stops(number, "Local")


@proves("TC_059")
async def started_from_afar_with_a_profile(s: Station16) -> None:
    await s.shows("Preparing")
    order = {"token": card("accepted"), "evse_id": 1, "profile": {**PROFILE, "purpose": "tx"}}
    wanted = {"idTag": card("accepted"), "connectorId": 1, "chargingProfile": words("TxProfile", transactionId=None)}
    await s.ordered("remote_start", order, "RemoteStartTransaction", wanted, OK)
    await s.authorizes("accepted")
    await s.starts("accepted")
    await s.shows("Charging")
    await s.session(is_open=True)


prove(
    "TC_066",
    Order(
        "composite_schedule", {"evse_id": 1, "duration_s": 300, "unit": "A"}, "GetCompositeSchedule",
        {"connectorId": 1, "duration": 300, "chargingRateUnit": "A"},
        {**OK, "connectorId": 1, "scheduleStart": "2026-03-01T00:00:00Z", "chargingSchedule": SCHEDULE},
    ),
)  # fmt: skip
prove(
    "TC_067",
    Order(
        "set_profile", {"evse_id": 1, "profile": {**PROFILE, "purpose": "tx_default"}}, "SetChargingProfile",
        {"connectorId": 1}, OK,
    ),
    Order("clear_profiles", {"profile_id": 7}, "ClearChargingProfile", {"id": 7, "connectorId": None}, OK),
    Order(
        "clear_profiles", {"evse_id": 1, "purpose": "tx_default", "stack_level": 0}, "ClearChargingProfile",
        {"id": None, "connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0},
        {"status": "Unknown"}, "rejected",
    ),
)  # fmt: skip
