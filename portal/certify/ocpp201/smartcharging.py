"""K: charging profiles."""

from __future__ import annotations

from typing import Any

from portal.certify.orders import ASKED, Order, prove
from portal.certify.registry import proves
from portal.certify.station import NO, OK, card
from portal.certify.station201 import Station201, token
from portal.certify.wire import Payload

START = "2026-03-01T00:00:00.000Z"
PURPOSES = {
    "tx_default": "TxDefaultProfile",
    "tx": "TxProfile",
    "charger_max": "ChargingStationMaxProfile",
    "external": "ChargingStationExternalConstraints",
}


def words(purpose: str, limit: float = 16, **more: Any) -> Payload:
    """ChargingProfileType."""
    periods = [{"startPeriod": 0, "limit": limit}, {"startPeriod": 60, "limit": 6}]
    return {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": PURPOSES[purpose],
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{"id": 7, "chargingRateUnit": "A", "chargingSchedulePeriod": periods}],
        **more,
    }


def ours(purpose: str, limit: float = 16, **more: Any) -> Payload:
    periods = [{"start_s": 0, "limit": limit}, {"start_s": 60, "limit": 6}]
    return {"id": 7, "stack_level": 0, "purpose": purpose, "unit": "A", "periods": periods, **more}


def sets(
    purpose: str, evse: int = 1, *, limit: float = 16, ordered: Payload | None = None, wanted: Payload | None = None
) -> tuple[str, Payload, str, Payload]:
    order = {"evse_id": evse, "profile": ours(purpose, limit, **(ordered or {}))}
    profile = words(purpose, limit, **{"transactionId": None, **(wanted or {})})
    return "set_profile", order, "SetChargingProfile", {"evseId": evse, "chargingProfile": profile}


def for_transaction(name: str) -> Any:
    return {"ordered": {"transaction_id": name}, "wanted": {"transactionId": name}}


def clears(profile_id: int | None = None, **criteria: Any) -> tuple[str, Payload, str, Payload]:
    if profile_id:
        wanted = {"chargingProfileId": profile_id, "chargingProfileCriteria": None}
        return "clear_profiles", {"profile_id": profile_id}, "ClearChargingProfile", wanted
    said = {
        "evseId": criteria["evse_id"],
        "chargingProfilePurpose": PURPOSES[criteria["purpose"]],
        "stackLevel": criteria["stack_level"],
    }
    return (
        "clear_profiles",
        criteria,
        "ClearChargingProfile",
        {"chargingProfileCriteria": said, "chargingProfileId": None},
    )


DEFAULT: Any = {"evse_id": 1, "purpose": "tx_default", "stack_level": 0}
prove("TC_K_01", Order(*sets("tx_default"), OK))
# As an order of ours it is refused before it is sent (K01.FR.09); sent as it is, the charger has the last word.
NOBODYS = {"evseId": 1, "chargingProfile": words("tx", transactionId="none-runs")}
prove("TC_K_02", Order("SetChargingProfile", NOBODYS, "SetChargingProfile", NOBODYS, NO, "rejected"))
prove("TC_K_03", Order(*sets("charger_max", 0), OK))
prove("TC_K_04", Order(*sets("tx_default"), OK), Order(*sets("tx_default", limit=10), OK))
prove("TC_K_05", Order(*sets("charger_max", 0), OK), Order(*clears(7), OK))
prove("TC_K_06", Order(*sets("tx_default"), OK), Order(*clears(**DEFAULT), OK))
prove(
    "TC_K_08",
    Order(*clears(9), {"status": "Unknown"}, "rejected"),
    Order(*clears(**DEFAULT), {"status": "Unknown"}, "rejected"),
)
prove("TC_K_10", Order(*sets("tx_default", 0), OK))
prove("TC_K_15", Order(*sets("tx_default"), {**NO, "statusInfo": {"reasonCode": "UnsupportedRequest"}}, "rejected"))
prove(
    "TC_K_19",
    Order(
        *sets(
            "tx_default", ordered={"kind": "recurring", "recurrency": "daily", "start_at": START, "duration_s": 86400},
            wanted={
                "chargingProfileKind": "Recurring", "recurrencyKind": "Daily",
                "chargingSchedule": [{"startSchedule": START, "duration": 86400}],
            },
        ),
        OK,
    ),
)  # fmt: skip
prove(
    "TC_K_70",
    Order(*sets("tx_default"), OK),
    Order(*sets("tx_default", ordered={"id": 8, "stack_level": 1}, wanted={
        "id": 8, "stackLevel": 1, "chargingSchedule": [{"id": 8, "chargingRateUnit": "A"}]}), OK),
)  # fmt: skip


@proves("TC_K_60")
async def for_a_running_session(s: Station201) -> None:
    await s.charges()
    await s.ordered(*sets("tx", **for_transaction(s.transaction)), OK)
    await s.tells("ChargingRateChanged", "Charging")
    await s.is_told_to_stop()
    await s.is_unplugged()


@proves("TC_K_37")
async def with_a_start_from_afar(s: Station201) -> None:
    order = {"token": card("accepted"), "evse_id": 1, "profile": ours("tx")}
    wanted = {"idToken": token("accepted"), "evseId": 1, "chargingProfile": words("tx", transactionId=None)}
    heard = await s.ordered("remote_start", order, "RequestStartTransaction", wanted, OK)
    await s.tells("RemoteStart", "Idle", name="accepted", remoteStartId=heard["remoteStartId"])
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, remote_start_id=heard["remoteStartId"])


# -- which profiles there are ------------------------------------------------------------------------------------------


def asks(evse: int | None = None, criteria: Payload | None = None, **said: Any) -> tuple[str, Payload, str, Payload]:
    names = ("chargingProfilePurpose", "stackLevel", "chargingProfileId", "chargingLimitSource")
    order = ({} if evse is None else {"evse_id": evse}) | (criteria or {})
    wanted = {"evseId": evse, "chargingProfile": {name: said.get(name) for name in names}}
    return "list_profiles", order, "GetChargingProfiles", wanted


def reports(evse: int, *profiles: Payload, source: str = "CSO") -> tuple[tuple[str, Any], ...]:
    """One profile a part."""
    last = len(profiles) - 1
    return tuple(
        (
            "ReportChargingProfiles",
            {
                "requestId": ASKED, "chargingLimitSource": source, "evseId": evse, "tbc": number < last,
                "chargingProfile": [profile],
            },
        )
        for number, profile in enumerate(profiles)
    )  # fmt: skip


TX, MAX = words("tx_default"), words("charger_max", id=9)
prove("TC_K_29", Order(*asks(0), OK, then=reports(0, MAX)))
prove("TC_K_30", Order(*asks(1), OK, then=reports(1, TX)))
prove("TC_K_31", Order(*asks(), OK, then=reports(0, MAX) + reports(1, TX, words("tx_default", id=8, stackLevel=1))))
prove("TC_K_32", Order(*asks(None, {"profile_id": 7}, chargingProfileId=[7]), OK, then=reports(1, TX)))
prove("TC_K_33", Order(*asks(1, {"stack_level": 0}, stackLevel=0), OK, then=reports(1, TX)))
prove("TC_K_34", Order(*asks(1, {"source": "CSO"}, chargingLimitSource=["CSO"]), OK, then=reports(1, TX)))
prove(
    "TC_K_35",
    Order(*asks(1, {"purpose": "tx_default"}, chargingProfilePurpose="TxDefaultProfile"), OK, then=reports(1, TX)),
)
prove(
    "TC_K_36",
    Order(
        *asks(1, {"purpose": "tx_default", "stack_level": 0}, chargingProfilePurpose="TxDefaultProfile", stackLevel=0),
        OK, then=reports(1, TX),
    ),
)  # fmt: skip
prove(
    "TC_K_52",
    Order(
        *asks(None, {"purpose": "external"}, chargingProfilePurpose="ChargingStationExternalConstraints"), OK,
        then=reports(1, words("external"), source="SO"),
    ),
)  # fmt: skip


def computes(evse: int) -> Order:
    order = {"evse_id": evse, "duration_s": 300, "unit": "A"}
    wanted = {"evseId": evse, "duration": 300, "chargingRateUnit": "A"}
    schedule = {
        "evseId": evse, "duration": 300, "scheduleStart": START, "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    }  # fmt: skip
    return Order("composite_schedule", order, "GetCompositeSchedule", wanted, {**OK, "schedule": schedule})


prove("TC_K_43", computes(1))
prove("TC_K_44", computes(0))
