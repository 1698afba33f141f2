"""The device model: components, variables and reports of them. OCPP 2.0.1 part 2, B05–B08."""

from __future__ import annotations

from typing import Any

from chargers import configuration, credentials
from chargers.configuration import Place, Reported
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.portions import first_portion
from gateway.ocpp201.words import place_from_words, place_in_words, place_of, request_id
from gateway.wire import dicts, need, one_of, said, text

TAKEN = {"Accepted", "RebootRequired"}
GET_LIMIT = Place("ItemsPerMessage", component="DeviceDataCtrlr", instance="GetVariables")
SET_LIMIT = Place("ItemsPerMessage", component="DeviceDataCtrlr", instance="SetVariables")
CRITERION = {"active": "Active", "available": "Available", "enabled": "Enabled", "problem": "Problem"}
BASE = {"full": "FullInventory", "configuration": "ConfigurationInventory", "summary": "SummaryInventory"}
UNKNOWN = {"UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"}


@dialect.sends("read_settings")
def read_settings(command: Command) -> tuple[str, Payload]:
    """B06; all of them, or those of components in a state, by a report (B07, B08), which comes in NotifyReport.

    ``report`` (of `BASE`): which of all, if none is named.
    """
    names, criteria = command.arguments.get("names"), command.arguments.get("criteria")
    if criteria:
        return "GetReport", _report_of(command, [str(name) for name in names or []], criteria)
    if not names:
        base = one_of(command, "report", BASE, command.arguments.get("report") or "full")
        return "GetBaseReport", {"requestId": request_id(command), "reportBase": base}
    names = first_portion(command, "names", names, limit=GET_LIMIT)
    return "GetVariables", {"getVariableData": [place_in_words(place_of(str(name))) for name in names]}


def _report_of(command: Command, names: list[str], criteria: list[str]) -> Payload:
    """B08: what stands in components that are, for instance, in trouble."""
    return said(
        requestId=request_id(command),
        componentCriteria=[one_of(command, "criteria", CRITERION, each) for each in criteria],
        componentVariable=[place_in_words(place_of(name)) for name in names] or None,
    )


@dialect.answers("GetVariables")
def variables_told(command: Command, answer: Payload, call: Call) -> None:
    reports = []
    for result in dicts(answer.get("getVariableResult")):
        place = place_from_words(result, result.get("attributeType"))
        if result.get("attributeStatus") == "Accepted":
            reports.append(Reported(place, value=text(result.get("attributeValue"))))
        elif result.get("attributeStatus") in UNKNOWN:
            reports.append(Reported(place, value="", is_known=False))
    configuration.record(call.charger, reports, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("write_settings")
def write_settings(command: Command) -> tuple[str, Payload]:
    """B05."""
    settings = first_portion(command, "settings", dicts(need(command, "settings")), limit=SET_LIMIT)
    return "SetVariables", {"setVariableData": [_written(command, each) for each in settings]}


@dialect.sends("rotate_password")
def rotate_password(command: Command) -> tuple[str, Payload]:
    """A01: a fresh password. It is in force once the station took it."""
    place = place_in_words(Place("BasicAuthPassword", component="SecurityCtrlr"))
    return "SetVariables", {"setVariableData": [{"attributeValue": credentials.made(), **place}]}


def _written(command: Command, setting: dict[str, Any]) -> Payload:
    if not setting.get("name"):
        raise Unspeakable(f"A setting to write has no name: {sorted(setting)}.")
    place = Place(
        name=str(setting["name"]),
        component=text(setting.get("component")),
        component_instance=text(setting.get("component_instance")),
        evse_id=int(setting.get("evse_id") or 0),
        connector_id=int(setting.get("connector_id") or 0),
        instance=text(setting.get("instance")),
        attribute=text(setting.get("attribute")) or "Actual",
    )
    value = setting.get("value")
    # The device model writes booleans as true and false.
    return {"attributeValue": str(value).lower() if isinstance(value, bool) else text(value), **place_in_words(place)}


@dialect.answers("SetVariables")
def variables_changed(command: Command, answer: Payload, call: Call) -> None:
    """Each of them has a status of its own; the values are those that we sent."""
    sent = {
        place_from_words(each, each.get("attributeType")): text(each.get("attributeValue"))
        for each in dicts(command.payload.get("setVariableData"))
    }
    for result in dicts(answer.get("setVariableResult")):
        place, status = place_from_words(result, result.get("attributeType")), result.get("attributeStatus")
        if status in TAKEN and place in sent:
            is_later = status == "RebootRequired"
            configuration.written(call.charger, place, sent[place], needs_reboot=is_later, at=call.at, order=command.pk)
        elif status in UNKNOWN:
            configuration.unknown(call.charger, [place], at=call.at)
        if status not in TAKEN and place.is_door_key:
            configuration.refused(call.charger, command.payload, order=command.pk)
    call.books.changed_chargers.add(call.charger.pk)


@dialect.handles("NotifyReport")
def notify_report(call: Call) -> Payload:
    """B07, B08: one part of a report; parts may come in any order and more than once."""
    reports = [
        _reported(data, attribute)
        for data in dicts(call.payload.get("reportData"))
        for attribute in dicts(data.get("variableAttribute"))
    ]
    configuration.record(call.charger, reports, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {}


def _reported(data: dict[str, Any], attribute: dict[str, Any]) -> Reported:
    characteristics = data.get("variableCharacteristics") or {}
    mutability = attribute.get("mutability", "ReadWrite")
    return Reported(
        place_from_words(data, attribute.get("type")),
        value=text(attribute.get("value")) if "value" in attribute else None,
        is_readonly=mutability == "ReadOnly",
        is_writeonly=mutability == "WriteOnly",
        needs_reboot=None,
        data_type=text(characteristics.get("dataType")),
        unit=text(characteristics.get("unit")),
        options=text(characteristics.get("valuesList")),
    )
