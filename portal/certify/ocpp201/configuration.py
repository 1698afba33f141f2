"""B05–B08: variables and reports of the device model."""

from __future__ import annotations

from functools import partial
from typing import Any

from portal.certify.expect import same
from portal.certify.orders import Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import OK
from portal.certify.station201 import Station201
from portal.certify.wire import Payload, now

HEARTBEAT, OFFLINE = ("OCPPCommCtrlr", "HeartbeatInterval"), ("AuthCtrlr", "LocalAuthorizeOffline")


def place(component: str, variable: str) -> Payload:
    return {"component": {"name": component}, "variable": {"name": variable}}


def result(component: str, variable: str, **more: Any) -> Payload:
    return {**place(component, variable), **more}


def reads(*names: tuple[str, str]) -> tuple[str, Payload, str, Payload]:
    order = {"names": [".".join(name) for name in names]}
    return "read_settings", order, "GetVariables", {"getVariableData": [place(*name) for name in names]}


def values(*told: tuple[str, str, str]) -> Payload:
    return {
        "getVariableResult": [result(*each[:2], attributeStatus="Accepted", attributeValue=each[2]) for each in told]
    }


def writes(*settings: tuple[str, str, str]) -> tuple[str, Payload, str, Payload]:
    order = {"settings": [{"component": c, "name": v, "value": value} for c, v, value in settings]}
    wanted = {"setVariableData": [{**place(c, v), "attributeValue": value} for c, v, value in settings]}
    return "write_settings", order, "SetVariables", wanted


def written(*names: tuple[str, str], status: str = "Accepted") -> Payload:
    return {"setVariableResult": [result(*name, attributeStatus=status) for name in names]}


def reported(component: str, variable: str, value: str, *, instance: str = "", **more: Any) -> Payload:
    """reportData of one variable."""
    named = place(component, variable)
    if instance:
        named["variable"]["instance"] = instance
    return {
        **named,
        "variableAttribute": [{"type": "Actual", "value": value, "mutability": "ReadOnly"}],
        "variableCharacteristics": {"dataType": "string", "supportsMonitoring": False},
        **more,
    }


async def report(s: Station201, request_id: int, *parts: list[Payload]) -> None:
    """A report in parts."""
    for number, data in enumerate(parts):
        is_last = number == len(parts) - 1
        told = {"requestId": request_id, "generatedAt": now(), "seqNo": number, "tbc": not is_last, "reportData": data}
        await s.says("NotifyReport", told)


prove(
    "TC_B_06", Order(*reads(HEARTBEAT), values((*HEARTBEAT, "300"))), Order(*reads(OFFLINE), values((*OFFLINE, "true")))
)
prove("TC_B_07", Order(*reads(HEARTBEAT, OFFLINE), values((*HEARTBEAT, "300"), (*OFFLINE, "true"))))
prove("TC_B_09", Order(*writes((*HEARTBEAT, "600")), written(HEARTBEAT)))
prove("TC_B_10", Order(*writes((*HEARTBEAT, "600"), (*OFFLINE, "false")), written(HEARTBEAT, OFFLINE)))


@proves("TC_B_08")
async def no_more_than_it_takes(s: Station201) -> None:
    """It takes two at a time: five are read by three messages."""
    heard = await s.ordered("read_settings", {}, "GetBaseReport", {"reportBase": "FullInventory"}, OK)
    limit = reported("DeviceDataCtrlr", "ItemsPerMessage", "2", instance="GetVariables")
    await report(s, heard["requestId"], [limit])
    names = [("OCPPCommCtrlr", f"Variable{n}") for n in range(5)]
    await s.is_ordered("read_settings", {"names": [".".join(name) for name in names]})
    for first in (0, 2, 4):
        part = names[first : first + 2]
        wanted = {"getVariableData": [place(*name) for name in part]}
        await s.hears("GetVariables", wanted, values(*((*name, "x") for name in part)))
    await s.sees_settled("accepted")


async def base_report(kind: str, word: str, s: Station201) -> None:
    order = {"report": kind} if kind else {}
    heard = await s.ordered("read_settings", order, "GetBaseReport", {"reportBase": word}, OK)
    first = [reported(*HEARTBEAT, "300"), reported("ChargingStation", "Model", "Street 50")]
    await report(s, heard["requestId"], first, [reported(*OFFLINE, "true")])


add("TC_B_12", partial(base_report, "configuration", "ConfigurationInventory"))
add("TC_B_13", partial(base_report, "", "FullInventory"))
add("TC_B_14", partial(base_report, "summary", "SummaryInventory"))


@proves("TC_B_18")
async def a_report_of_what_is_in_a_state(s: Station201) -> None:
    order = {"criteria": ["problem"], "names": ["EVSE:1.AvailabilityState"]}
    where = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "AvailabilityState"}}
    wanted = {"componentCriteria": ["Problem"], "componentVariable": [where]}
    heard = await s.ordered("read_settings", order, "GetReport", wanted, OK)
    attribute = {"variableAttribute": [{"value": "Faulted", "mutability": "ReadOnly"}]}
    await report(s, heard["requestId"], [{**where, **attribute}])
    # Nothing to tell is an answer too.
    await s.is_ordered("read_settings", {"criteria": ["problem"]})
    heard = await s.hears("GetReport", {"componentVariable": None}, {"status": "EmptyResultSet"})
    same(heard["componentCriteria"], ["Problem"], "componentCriteria")
    await s.sees_settled("rejected")
