"""The device model: components, variables and reports of them. OCPP 2.0.1 part 2, B05–B08."""

from __future__ import annotations

from typing import Any

from chargers import configuration
from chargers.configuration import Place, Reported
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import place_from_words, place_in_words, request_id
from gateway.wire import dicts, need, text

TAKEN = {"Accepted", "RebootRequired"}
UNKNOWN = {"UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"}


@dialect.sends("read_settings")
def read_settings(command: Command) -> tuple[str, Payload]:
    """B06; all of them by a report (B07), which comes in NotifyReport messages."""
    names = command.arguments.get("names")
    if not names:
        return "GetBaseReport", {"requestId": request_id(command), "reportBase": "FullInventory"}
    return "GetVariables", {"getVariableData": [_in_words(_place(str(name))) for name in names]}


def _place(path: str) -> Place:
    try:
        return configuration.place_of(path)
    except ValueError as error:
        raise Unspeakable(str(error)) from error


def _in_words(place: Place) -> Payload:
    if not place.component:
        raise Unspeakable(f"OCPP 2.0.1 reads settings of components; write {place.name!r} as Component.{place.name}.")
    return place_in_words(place)


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
    return "SetVariables", {"setVariableData": [_written(command, each) for each in dicts(need(command, "settings"))]}


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
    return {"attributeValue": str(value).lower() if isinstance(value, bool) else text(value), **_in_words(place)}


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
            configuration.written(call.charger, place, sent[place], needs_reboot=is_later, at=call.at)
        elif status in UNKNOWN:
            configuration.unknown(call.charger, [place], at=call.at)
    if any(place.is_secret for place in sent):
        configuration.forget_secrets(command)
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
