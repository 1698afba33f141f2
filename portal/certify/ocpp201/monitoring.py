"""N: variables that a station watches, and what it tells of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from portal.certify.ocpp201.configuration import report, reported
from portal.certify.orders import ASKED, NOW, Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import NO, OK
from portal.certify.station201 import Station201
from portal.certify.wire import Payload, now

POWER: Payload = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
HEAT: Payload = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Temperature"}}
CRITERIA = {"threshold": "ThresholdMonitoring", "delta": "DeltaMonitoring", "periodic": "PeriodicMonitoring"}
KINDS = {"upper": "UpperThreshold", "lower": "LowerThreshold", "delta": "Delta", "periodic": "Periodic"}


def asks(criteria: list[str] | None = None, names: list[str] | None = None) -> tuple[str, Payload, str, Payload]:
    order = {"criteria": criteria or [], "names": names or []}
    places = {"EVSE:1.Power": POWER, "EVSE:1.Temperature": HEAT}
    wanted = {
        "monitoringCriteria": [CRITERIA[each] for each in criteria or []] or None,
        "componentVariable": [places[each] for each in names or []] or None,
    }
    return "monitoring_report", order, "GetMonitoringReport", wanted


def told(*kinds: str) -> tuple[tuple[str, Any], ...]:
    """A report with a monitor a part."""
    last = len(kinds) - 1
    return tuple(
        (
            "NotifyMonitoringReport",
            {
                "requestId": ASKED, "generatedAt": NOW, "seqNo": number, "tbc": number < last,
                "monitor": [{**POWER, "variableMonitoring": [
                    {"id": number + 1, "transaction": False, "value": 1.0, "type": KINDS[kind], "severity": 5},
                ]}],
            },
        )
        for number, kind in enumerate(kinds)
    )  # fmt: skip


EMPTY = ({"status": "EmptyResultSet"}, "rejected")
prove(
    "TC_N_01",
    Order(*asks(["threshold", "delta", "periodic"]), OK, then=told("upper", "delta", "periodic")),
    Order(*asks(["delta"]), *EMPTY),
)
prove(
    "TC_N_02",
    Order(*asks(names=["EVSE:1.Power"]), OK, then=told("upper")),
    Order(*asks(names=["EVSE:1.Power"]), *EMPTY),
)
BOTH = asks(["threshold"], ["EVSE:1.Power"])
prove("TC_N_03", Order(*BOTH, OK, then=told("upper")), Order(*BOTH, *EMPTY))
prove("TC_N_60", Order(*asks(["threshold"], ["EVSE:1.Power", "EVSE:1.Temperature"]), OK, then=told("upper", "lower")))
prove("TC_N_47", Order(*asks(), OK, then=told("upper", "lower", "delta", "periodic")))

prove(
    "TC_N_05",
    *(
        Order("set_monitoring_base", {"base": base}, "SetMonitoringBase", {"monitoringBase": word}, OK)
        for base, word in (("all", "All"), ("factory", "FactoryDefault"), ("hardwired", "HardWiredOnly"))
    ),
)
prove("TC_N_16", Order("set_monitoring_level", {"severity": 4}, "SetMonitoringLevel", {"severity": 4}, OK))
prove(
    "TC_N_17", Order("set_monitoring_level", {"severity": 10}, "SetMonitoringLevel", {"severity": 10}, NO, "rejected")
)


def watches(*monitors: tuple[str, Payload, str, float]) -> tuple[str, Payload, str, Payload, Payload]:
    """name, place, kind, value: the order, what is wanted on the wire, and the answer."""
    order = [{"name": name, "kind": kind, "value": value, "severity": 5} for name, _, kind, value in monitors]
    wanted = [{**at, "type": KINDS[kind], "value": value, "severity": 5} for _, at, kind, value in monitors]
    results = [
        {**at, "id": number, "status": "Accepted", "type": KINDS[kind], "severity": 5}
        for number, (_, at, kind, _) in enumerate(monitors, 1)
    ]
    return (
        "set_monitors", {"monitors": order}, "SetVariableMonitoring", {"setMonitoringData": wanted},
        {"setMonitoringResult": results},
    )  # fmt: skip


UPPER = ("EVSE:1.Power", POWER, "upper", 11000.0)
prove("TC_N_08", Order(*watches(UPPER)))
prove("TC_N_09", Order(*watches(UPPER, ("EVSE:1.Temperature", HEAT, "upper", 70.0))))
prove(
    "TC_N_44",
    Order(
        "clear_monitors", {"ids": [1]}, "ClearVariableMonitoring", {"id": [1]},
        {"clearMonitoringResult": [{"id": 1, "status": "Rejected"}]}, "rejected",
    ),
)  # fmt: skip


@proves("TC_N_18")
async def no_more_than_it_takes(s: Station201) -> None:
    """It takes two at a time: three are cleared by two messages."""
    heard = await s.ordered("read_settings", {}, "GetBaseReport", {"reportBase": "FullInventory"}, OK)
    limit = reported("MonitoringCtrlr", "ItemsPerMessage", "2", instance="ClearVariableMonitoring")
    await report(s, heard["requestId"], [limit])
    await s.is_ordered("clear_monitors", {"ids": [1, 2, 3]})
    for part in ([1, 2], [3]):
        answer = {"clearMonitoringResult": [{"id": each, "status": "Accepted"} for each in part]}
        await s.hears("ClearVariableMonitoring", {"id": part}, answer)
    await s.sees_settled("accepted")


# -- what it tells -----------------------------------------------------------------------------------------------------


async def tells(s: Station201, **event: Any) -> None:
    data = {"eventId": 1, "timestamp": now(), "actualValue": "81", **HEAT, **event}
    await s.says("NotifyEvent", {"generatedAt": now(), "seqNo": 0, "tbc": False, "eventData": [data]})


async def an_event(trigger: str, kind: str, more: Payload, s: Station201) -> None:
    await tells(s, trigger=trigger, eventNotificationType=kind, **more)


add("TC_N_21", partial(an_event, "Alerting", "HardWiredMonitor", {}))
add("TC_N_48", partial(an_event, "Alerting", "CustomMonitor", {"actualValue": "", "variableMonitoringId": 1}))


@proves("TC_N_24")
async def a_periodic_monitor(s: Station201) -> None:
    await s.ordered(*watches(("EVSE:1.Temperature", HEAT, "periodic", 60.0)))
    for _ in range(2):
        await tells(s, trigger="Periodic", eventNotificationType="CustomMonitor", variableMonitoringId=1)


@proves("TC_N_50")
async def a_periodic_monitor_after_a_boot(s: Station201) -> None:
    await s.ordered(*watches(("EVSE:1.Temperature", HEAT, "periodic", 60.0)))
    await s.reconnects()
    await s.boots(reason="RemoteReset")
    await tells(s, trigger="Periodic", eventNotificationType="CustomMonitor", variableMonitoringId=1)


@proves("TC_N_49")
async def an_alert_that_a_boot_cleared(s: Station201) -> None:
    await s.ordered(*watches(("EVSE:1.Temperature", HEAT, "upper", 70.0)))
    alert = {"trigger": "Alerting", "eventNotificationType": "CustomMonitor", "variableMonitoringId": 1}
    await tells(s, **alert)
    await s.reconnects()
    await s.boots(reason="RemoteReset")
    await tells(s, **alert, cleared=True, actualValue="40")
