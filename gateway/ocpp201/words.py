"""The words of OCPP 2.0.1 and ours."""

from __future__ import annotations

from typing import Any

from chargers import configuration
from chargers.configuration import Place
from chargers.models import Command, ConnectorStatus
from gateway.dialect import Payload, Unspeakable
from gateway.wire import plug, said, text, wire_time
from sessions.authorization import Authorization
from sessions.models import IdToken, SessionEvent

STATUS = {
    "Available": ConnectorStatus.AVAILABLE,
    "Occupied": ConnectorStatus.OCCUPIED,
    "Reserved": ConnectorStatus.RESERVED,
    "Unavailable": ConnectorStatus.UNAVAILABLE,
    "Faulted": ConnectorStatus.FAULTED,
}
CHARGING_STATE = {
    "Idle": ConnectorStatus.PREPARING,
    "Charging": ConnectorStatus.CHARGING,
    "EVConnected": ConnectorStatus.PREPARING,
    "SuspendedEV": ConnectorStatus.SUSPENDED_EV,
    "SuspendedEVSE": ConnectorStatus.SUSPENDED_EVSE,
}
EVENT = {
    "Started": SessionEvent.Kind.STARTED,
    "Updated": SessionEvent.Kind.UPDATED,
    "Ended": SessionEvent.Kind.STOPPED,
}
AUTHORIZATION = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent": "ConcurrentTx",
}
PURPOSE = {
    "charger_max": "ChargingStationMaxProfile",
    "tx_default": "TxDefaultProfile",
    "tx": "TxProfile",
    "external": "ChargingStationExternalConstraints",
}
# A 2.0.1 station never says these; the reading of profiles is the same.
PURPOSE_SINCE_21 = {"priority": "PriorityCharging", "local_generation": "LocalGeneration"}
FREE = "NoAuthorization"  # the type of a token that is none: nobody is asked for a card
# ISO 14443 and 15693 UIDs are 4, 7, 8 or 10 bytes, written in hexadecimal.
_UID_LENGTHS = {8, 14, 16, 20}


def id_token(value: str, kind: str = "") -> Payload:
    """idToken of 2.x, which wants a type; without one, a card's UID is told by its shape and the rest is Central."""
    if not kind:
        known = IdToken.objects.filter(value_folded=value.casefold()).values_list("kind", flat=True).first()
        kind = known or _kind_by_shape(value)
    return {"idToken": value, "type": kind}


def _kind_by_shape(value: str) -> str:
    is_uid = len(value) in _UID_LENGTHS and all(letter in "0123456789abcdefABCDEF" for letter in value)
    return "ISO14443" if is_uid else "Central"


def id_token_info(authorization: Authorization) -> Payload:
    """idTokenInfo."""
    token = authorization.token
    return said(
        status=AUTHORIZATION[authorization.verdict],
        cacheExpiryDateTime=wire_time(token.expires_at) if token and token.expires_at else None,
        groupIdToken={"idToken": token.group, "type": "Central"} if token and token.group else None,
    )


def evse(evse_id: int | None, connector_id: int | None = None) -> Payload | None:
    """EVSEType; None for the station as a whole."""
    return said(id=evse_id, connectorId=connector_id or None) if evse_id else None


def place_of(path: str) -> Place:
    """The setting that a person wrote as Component.Variable. Raises Unspeakable."""
    try:
        return configuration.place_of(path)
    except ValueError as error:
        raise Unspeakable(str(error)) from error


def place_in_words(place: Place) -> Payload:
    """component, variable and attributeType of a setting. Raises Unspeakable."""
    if not place.component:
        raise Unspeakable(f"OCPP 2.0.1 knows settings of components; write {place.name!r} as Component.{place.name}.")
    component = said(
        name=place.component,
        instance=place.component_instance or None,
        evse=evse(place.evse_id, place.connector_id),
    )
    variable = said(name=place.name, instance=place.instance or None)
    # Actual is what an absent type means; some stations answer with the type only if it was asked.
    attribute = place.attribute if place.attribute != "Actual" else None
    return said(component=component, variable=variable, attributeType=attribute)


def place_from_words(told: dict[str, Any], attribute: object = None) -> Place:
    """The setting that a component and a variable name."""
    component, variable = _object(told, "component"), _object(told, "variable")
    at = _object(component, "evse")
    return Place(
        name=text(variable.get("name")),
        component=text(component.get("name")),
        component_instance=text(component.get("instance")),
        evse_id=plug(at.get("id")) or 0,
        connector_id=plug(at.get("connectorId")) or 0,
        instance=text(variable.get("instance")),
        attribute=text(attribute) or "Actual",
    )


def request_id(command: Command) -> int:
    """The requestId of a report, log or update: leads from what comes of it back to the command."""
    return command.pk.int % 0x7FFFFFFF + 1


def _object(told: dict[str, Any], name: str) -> dict[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}
