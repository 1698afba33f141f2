"""Variables that a station watches for us, and what it tells of them of its own accord. OCPP 2.0.1 part 2, N02–N08."""

from __future__ import annotations

from typing import Any

from chargers import configuration, monitors
from chargers.configuration import Place, Reported
from chargers.connectors import StatusReport
from chargers.models import Command, CommandStatus, Monitor
from chargers.monitors import Raised, Watch
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.portions import first_portion
from gateway.ocpp201.words import place_from_words, place_in_words, place_of, request_id
from gateway.wire import dicts, need, need_number, one_of, said, small, text
from sessions.units import as_number

PROBLEM = "Problem"  # the variable by which a component says that something is wrong with it
KIND = {
    "upper": "UpperThreshold",
    "lower": "LowerThreshold",
    "delta": "Delta",
    "periodic": "Periodic",
    "clock": "PeriodicClockAligned",
}
KIND_SINCE_21 = {"target": "TargetDelta", "share": "TargetDeltaRelative"}
OUR_KIND = {theirs: Monitor.Kind(ours) for ours, theirs in (KIND | KIND_SINCE_21).items()}
BASE = {"all": "All", "factory": "FactoryDefault", "hardwired": "HardWiredOnly"}
CRITERION = {"threshold": "ThresholdMonitoring", "delta": "DeltaMonitoring", "periodic": "PeriodicMonitoring"}
GONE = {"Accepted", "NotFound"}
SET_LIMIT = Place("ItemsPerMessage", component="MonitoringCtrlr", instance="SetVariableMonitoring")
CLEAR_LIMIT = Place("ItemsPerMessage", component="MonitoringCtrlr", instance="ClearVariableMonitoring")
LEAST_SEVERE = 9


# -- what it tells of its own accord -----------------------------------------------------------------------------------


@dialect.handles("NotifyEvent")
def notify_event(call: Call) -> Payload:
    """N07, N08: new values of variables, and alerts.

    A problem shows on its connector too, for StatusNotification says only Faulted.
    """
    told = dicts(call.payload.get("eventData"))
    values = [Reported(place_from_words(each), value=text(each.get("actualValue"))) for each in told]
    configuration.record(call.charger, values, at=call.at)
    # What comes by the clock is a value and raises nothing.
    raised = [_raised(each) for each in told if each.get("trigger") != "Periodic"]
    monitors.record_alerts(call.charger, raised, at=call.at)
    for each in told:
        if place_from_words(each).name == PROBLEM:
            call.books.statuses.add(_problem(call, each))
    call.books.changed_chargers.add(call.charger.pk)
    return {}


def _raised(event: dict[str, Any]) -> Raised:
    return Raised(
        event_id=small(event.get("eventId")) or 0,
        place=place_from_words(event),
        value=text(event.get("actualValue")),
        tech_code=text(event.get("techCode")),
        tech_info=text(event.get("techInfo")),
        monitor_id=small(event.get("variableMonitoringId")),
        device_time=text(event.get("timestamp")),
        is_over=event.get("cleared") is True,
    )


def _problem(call: Call, event: dict[str, Any]) -> StatusReport:
    place = place_from_words(event)
    is_wrong = text(event.get("actualValue")).lower() == "true" and event.get("cleared") is not True
    return StatusReport(
        charger_id=call.charger.pk,
        evse_id=place.evse_id,
        connector_id=(place.connector_id or 1) if place.evse_id else 0,
        status=None,
        error_code=(text(event.get("techCode")) or PROBLEM) if is_wrong else "",
        info=text(event.get("techInfo")) if is_wrong else "",
        device_time=text(event.get("timestamp")),
        at=call.at,
    )


# -- what it watches ---------------------------------------------------------------------------------------------------


@dialect.handles("NotifyMonitoringReport")
def notify_monitoring_report(call: Call) -> Payload:
    """N02: one part of a report; parts may come in any order and more than once."""
    watches = [
        _watch(told, monitor)
        for told in dicts(call.payload.get("monitor"))
        for monitor in dicts(told.get("variableMonitoring"))
    ]
    monitors.record(call.charger, watches, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {}


def _watch(place: dict[str, Any], monitor: dict[str, Any]) -> Watch:
    """A monitor from the component and variable that it is on, and what the message says of it."""
    return Watch(
        monitor_id=small(monitor.get("id")) or 0,
        place=place_from_words(place),
        kind=OUR_KIND[text(monitor.get("type"))],
        value=as_number(monitor.get("value")) or 0.0,
        severity=min(max(small(monitor.get("severity")) or 0, 0), LEAST_SEVERE),
        only_in_session=monitor.get("transaction") is True,
    )


@dialect.sends("monitoring_report")
def monitoring_report(command: Command) -> tuple[str, Payload]:
    """N02. ``names``: paths of variables; ``criteria``: of `CRITERION`; neither means all."""
    criteria = [one_of(command, "criteria", CRITERION, each) for each in command.arguments.get("criteria") or []]
    places = [place_in_words(place_of(str(name))) for name in command.arguments.get("names") or []]
    return "GetMonitoringReport", said(
        requestId=request_id(command), monitoringCriteria=criteria or None, componentVariable=places or None
    )


@dialect.sends("set_monitors")
def set_monitors(command: Command) -> tuple[str, Payload]:
    """N04. ``monitors``: {"name" (path), "kind", "value", "severity"?, "id"? (to replace one), "only_in_session"?}."""
    monitors = first_portion(command, "monitors", dicts(need(command, "monitors")), limit=SET_LIMIT)
    return "SetVariableMonitoring", {"setMonitoringData": [_monitor_in_words(command, each) for each in monitors]}


def _monitor_in_words(command: Command, monitor: dict[str, Any]) -> Payload:
    value = as_number(monitor.get("value"))
    if value is None:
        raise Unspeakable(f"The 'value' of a monitor is {monitor.get('value')!r}; it must be a number.")
    severity = small(monitor.get("severity"))
    return said(
        id=small(monitor.get("id")),
        transaction=True if monitor.get("only_in_session") else None,
        value=value,
        type=one_of(command, "kind", KIND, monitor.get("kind")),
        severity=LEAST_SEVERE if severity is None else severity,
        **place_in_words(place_of(text(monitor.get("name")))),
    )


@dialect.answers("SetVariableMonitoring")
def monitors_set(command: Command, answer: Payload, call: Call) -> CommandStatus:
    """Each has a status of its own; value and scope are those that we sent. One that was not taken is a refusal."""
    sent = {_likeness(each): each for each in dicts(command.payload.get("setMonitoringData"))}
    results = dicts(answer.get("setMonitoringResult"))
    watches = [
        _watch(result, {**sent.get(_likeness(result), {}), **result})
        for result in results
        if result.get("status") == "Accepted" and result.get("id") is not None
    ]
    monitors.record(call.charger, watches, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    is_taken = all(result.get("status") == "Accepted" for result in results)
    return CommandStatus.ACCEPTED if is_taken else CommandStatus.REJECTED


def _likeness(told: dict[str, Any]) -> tuple[Any, ...]:
    """By what a result is told to belong to what was sent: there is no number yet."""
    return place_from_words(told), told.get("type"), told.get("severity")


@dialect.sends("clear_monitors")
def clear_monitors(command: Command) -> tuple[str, Payload]:
    """N06."""
    ids = [small(each) for each in need(command, "ids")]
    if None in ids:
        raise Unspeakable(f"'ids' of 'clear_monitors' is {command.arguments['ids']!r}; they must be whole numbers.")
    return "ClearVariableMonitoring", {"id": first_portion(command, "ids", ids, limit=CLEAR_LIMIT)}


@dialect.answers("ClearVariableMonitoring")
def monitors_cleared(command: Command, answer: Payload, call: Call) -> CommandStatus:
    """One that it does not have is gone; one that it keeps is a refusal."""
    results = dicts(answer.get("clearMonitoringResult"))
    over = [small(each.get("id")) for each in results if each.get("status") in GONE]
    monitors.forget(call.charger, [number for number in over if number is not None])
    call.books.changed_chargers.add(call.charger.pk)
    is_done = all(each.get("status") in GONE for each in results)
    return CommandStatus.ACCEPTED if is_done else CommandStatus.REJECTED


@dialect.sends("set_monitoring_base")
def set_monitoring_base(command: Command) -> tuple[str, Payload]:
    """N03."""
    return "SetMonitoringBase", {"monitoringBase": one_of(command, "base", BASE, need(command, "base"))}


@dialect.answers("SetMonitoringBase")
def monitoring_base_set(command: Command, answer: Payload, call: Call) -> None:
    """Back to the factory's monitors, or to none but the wired ones, takes ours away; a report tells which are left."""
    if answer.get("status") == "Accepted" and command.payload.get("monitoringBase") != "All":
        monitors.forget(call.charger)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("set_monitoring_level")
def set_monitoring_level(command: Command) -> tuple[str, Payload]:
    """N05: report events of this severity and worse; 0 danger … 9 debug."""
    return "SetMonitoringLevel", {"severity": need_number(command, "severity")}
