"""Started, stopped, reset, unlocked and triggered from afar."""

from __future__ import annotations

from functools import partial

from portal.certify.expect import same
from portal.certify.orders import Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import NO, OK, card
from portal.certify.station16 import Station16, register_of
from portal.certify.wire import now

START = {"token": card("accepted"), "evse_id": 1}
STARTED = {"idTag": card("accepted"), "connectorId": 1, "chargingProfile": None}


@proves("TC_010")
async def started_from_afar_with_the_cable_in(s: Station16) -> None:
    await s.shows("Preparing")
    await s.ordered("remote_start", START, "RemoteStartTransaction", STARTED, OK)
    await s.authorizes("accepted")  # AuthorizeRemoteTxRequests
    number = await s.starts("accepted")
    await s.shows("Charging")
    await s.session(is_open=True, transaction_id=str(number))


@proves("TC_011_1")
async def started_from_afar_before_the_cable(s: Station16) -> None:
    await s.ordered("remote_start", START, "RemoteStartTransaction", STARTED, OK)
    await s.authorizes("accepted")
    await s.shows("Preparing")
    number = await s.starts("accepted")
    await s.shows("Charging")
    await s.session(is_open=True, transaction_id=str(number))


@proves("TC_011_2")
async def started_from_afar_and_nobody_plugs_in(s: Station16) -> None:
    await s.ordered("remote_start", START, "RemoteStartTransaction", STARTED, OK)
    await s.authorizes("accepted")
    await s.shows("Preparing")
    await s.shows("Available")
    await s.sees_connector(status="available")
    same(await s.sessions(), [], "The sessions")


@proves("TC_012")
async def stopped_from_afar(s: Station16) -> None:
    number = await s.charges()
    order = {"transaction_id": str(number)}
    await s.ordered("remote_stop", order, "RemoteStopTransaction", {"transactionId": number}, OK)
    await s.stops(number, "Remote")
    await s.is_left()
    await s.session(is_open=False, stop_reason="Remote", energy_wh=1500)


async def is_reset(kind: str, word: str, s: Station16) -> None:
    await s.ordered("reset", {"kind": kind}, "Reset", {"type": word}, OK)
    await s.leaves()
    await s.connects()
    await s.boots()
    for connector in (0, 1):
        await s.shows("Available", connector=connector)
    await s.sees_connector(status="available")


add("TC_013", partial(is_reset, "hard", "Hard"))
add("TC_014", partial(is_reset, "soft", "Soft"))

UNLOCK = ("unlock", {"evse_id": 1}, "UnlockConnector", {"connectorId": 1})
prove("TC_017_1", Order(*UNLOCK, {"status": "Unlocked"}))
prove("TC_017_2", Order(*UNLOCK, {"status": "NotSupported"}, "rejected"))
prove("TC_030", Order(*UNLOCK, {"status": "UnlockFailed"}, "rejected"))
prove(
    "TC_031",
    Order("unlock", {"evse_id": 9}, "UnlockConnector", {"connectorId": 9}, {"status": "NotSupported"}, "rejected"),
)


@proves("TC_018_1")
async def unlocked_while_charging(s: Station16) -> None:
    number = await s.charges()
    await s.ordered(*UNLOCK, {"status": "Unlocked"})
    await s.stops(number, "UnlockCommand")
    await s.is_left()
    await s.session(is_open=False, stop_reason="UnlockCommand", energy_wh=1500)


prove("TC_026", Order("remote_start", START, "RemoteStartTransaction", STARTED, NO, "rejected"))
prove(
    "TC_028",  # sent although we know of no such transaction
    Order("remote_stop", {"transaction_id": 4711}, "RemoteStopTransaction", {"transactionId": 4711}, NO, "rejected"),
)

# -- remote trigger ----------------------------------------------------------------------------------------------------

VALUES = {"connectorId": 1, "meterValue": [register_of(1000, "Trigger")]}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


@proves("TC_054")
async def triggered(s: Station16) -> None:
    for message, at, told in (
        ("MeterValues", 1, VALUES),
        ("Heartbeat", None, None),
        ("StatusNotification", 1, {**STATUS, "timestamp": now()}),
        ("DiagnosticsStatusNotification", None, {"status": "Idle"}),
        ("FirmwareStatusNotification", None, {"status": "Idle"}),
    ):
        order = {"message": message} | ({"evse_id": at} if at else {})
        await s.ordered("trigger", order, "TriggerMessage", {"requestedMessage": message, "connectorId": at}, OK)
        if told is None:
            await s.says("Heartbeat", {}, {"currentTime": lambda text: text.endswith("Z")})
        else:
            await s.says(message, told)
    await s.ordered("trigger", {"message": "BootNotification"}, "TriggerMessage", {"connectorId": None}, OK)
    await s.boots()


prove(
    "TC_055",
    Order(
        "trigger", {"message": "MeterValues", "evse_id": 9}, "TriggerMessage",
        {"requestedMessage": "MeterValues", "connectorId": 9}, NO, "rejected",
    ),
)  # fmt: skip
