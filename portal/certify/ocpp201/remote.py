"""F: started, unlocked and triggered from afar."""

from __future__ import annotations

from functools import partial

from portal.certify.orders import Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import OK, card
from portal.certify.station201 import Station201, register, token
from portal.certify.wire import Payload, now

START = {"token": card("accepted"), "evse_id": 1}
STARTED = {"idToken": token("accepted"), "evseId": 1, "remoteStartId": lambda number: number > 0, "groupIdToken": None}


async def is_started(s: Station201) -> int:
    heard = await s.ordered("remote_start", START, "RequestStartTransaction", STARTED, OK)
    return int(heard["remoteStartId"])


@proves("TC_F_01")
async def with_the_cable_in(s: Station201) -> None:
    await s.is_plugged_in()
    number = await is_started(s)
    await s.tells("RemoteStart", "EVConnected", name="accepted", remoteStartId=number)
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, remote_start_id=number, charging_state="charging")


async def before_the_cable(is_authorized: bool, s: Station201) -> None:
    number = await is_started(s)
    if is_authorized:
        await s.authorizes("accepted")
    await s.tells("RemoteStart", "Idle", name="accepted", remoteStartId=number)
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, remote_start_id=number, charging_state="charging")


add("TC_F_02", partial(before_the_cable, True))
add("TC_F_03", partial(before_the_cable, False))


@proves("TC_F_04")
async def and_no_car_came(s: Station201) -> None:
    number = await is_started(s)
    await s.tells("RemoteStart", "Idle", name="accepted", remoteStartId=number)
    await s.ends("EVConnectTimeout", "Timeout", state="Idle")


prove(
    "TC_F_06",
    Order(
        "unlock", {"evse_id": 1, "connector_id": 1}, "UnlockConnector", {"evseId": 1, "connectorId": 1},
        {"status": "Unlocked"},
    ),
)  # fmt: skip

# -- trigger -----------------------------------------------------------------------------------------------------------


def triggers(message: str, evse: int | None = None, **more: int) -> tuple[str, Payload, str, Payload]:
    order = {"message": message} | ({"evse_id": evse} if evse else {})
    return "trigger", order, "TriggerMessage", {
        "requestedMessage": message, "evse": {"id": evse, **more} if evse else None,
    }  # fmt: skip


def values(evse: int) -> tuple[str, Payload]:
    return "MeterValues", {"evseId": evse, "meterValue": [register(1000.0, "Trigger")]}


prove("TC_F_11", Order(*triggers("MeterValues", 1), OK, then=(values(1),)))
prove("TC_F_12", Order(*triggers("MeterValues"), OK, then=(values(1), values(2))))
prove("TC_F_15", Order(*triggers("LogStatusNotification"), OK, then=(("LogStatusNotification", {"status": "Idle"}),)))
prove(
    "TC_F_18",
    Order(*triggers("FirmwareStatusNotification"), OK, then=(("FirmwareStatusNotification", {"status": "Idle"}),)),
)
prove("TC_F_27", Order(*triggers("SignCombinedCertificate"), {"status": "NotImplemented"}, "rejected"))


async def transaction_event(evse: int | None, s: Station201) -> None:
    await s.charges()
    await s.ordered(*triggers("TransactionEvent", evse), OK)
    await s.tells("Trigger", "Charging", meter=[register(1800.0, "Trigger")])
    await s.session(is_open=True, meter_last_wh=1800)


add("TC_F_13", partial(transaction_event, 1))
add("TC_F_14", partial(transaction_event, None))


@proves("TC_F_20")
async def heartbeat(s: Station201) -> None:
    await s.ordered(*triggers("Heartbeat"), OK)
    await s.says("Heartbeat", {}, {"currentTime": lambda text: text.endswith("Z")})


async def status(word: str, s: Station201) -> None:
    await s.ordered(*triggers("StatusNotification", 1, connectorId=1), OK)
    told = {"evseId": 1, "connectorId": 1, "connectorStatus": word, "timestamp": now()}
    await s.says("StatusNotification", told)
    await s.sees_connector(1, 1, status=word.lower())


add("TC_F_23", partial(status, "Available"))
add("TC_F_24", partial(status, "Occupied"))
