"""Cards that a charger knows by itself."""

from __future__ import annotations

from portal.certify.orders import Order, prove
from portal.certify.registry import proves
from portal.certify.station import OK, card
from portal.certify.station16 import Station16
from portal.certify.wire import Payload

CARDS = [
    {"value": card("accepted"), "status": "accepted", "group": "FLEET-7"},
    {"value": card("blocked"), "status": "blocked"},
]
ENTRIES = [
    {"idTag": card("accepted"), "idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET-7"}},
    {"idTag": card("blocked"), "idTagInfo": {"status": "Blocked"}},
]
FULL = (
    "send_local_list", {"version": 1, "mode": "full", "tokens": CARDS}, "SendLocalList",
    {"listVersion": 1, "updateType": "Full", "localAuthorizationList": ENTRIES},
)  # fmt: skip
VERSION: tuple[str, Payload, str, Payload] = ("local_list_version", {}, "GetLocalListVersion", {})

prove("TC_042_1", Order(*VERSION, {"listVersion": -1}))
prove("TC_042_2", Order(*VERSION, {"listVersion": 0}))
prove("TC_043_1", Order(*FULL, {"status": "NotSupported"}, "rejected"))
prove("TC_043_3", Order(*FULL, {"status": "Failed"}, "rejected"))


@proves("TC_043_4")
async def a_full_list(s: Station16) -> None:
    await s.ordered(*FULL, OK)
    await s.sees_charger(local_list_version=1)
    await s.ordered(*VERSION, {"listVersion": 1})
    await s.sees_charger(local_list_version=1)


@proves("TC_043_5")
async def a_differential_list(s: Station16) -> None:
    await s.ordered(*FULL, OK)
    order = {"version": 2, "mode": "differential", "tokens": CARDS[:1]}
    wanted = {"listVersion": 2, "updateType": "Differential", "localAuthorizationList": ENTRIES[:1]}
    await s.ordered("send_local_list", order, "SendLocalList", wanted, OK)
    await s.ordered(*VERSION, {"listVersion": 2})
    await s.sees_charger(local_list_version=2)
