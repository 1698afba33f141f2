"""No message of ours may lead a charger to a lower security profile: only staff can. OCPP 2.0.1 part 2, A05."""

from __future__ import annotations

from typing import Any

from chargers.models import Charger
from gateway.wire import dicts, small

SETTING = "securityprofile"


def objection(charger: Charger, action: str, payload: dict[str, Any]) -> str:
    """Why this is not sent, for the operator; "" if it may be."""
    lowest = min((profile for profile in _named(action, payload) if profile is not None), default=None)
    if lowest is None or lowest >= charger.security_profile:
        return ""
    return (
        f"{action} would lead {charger.identity!r} from security profile {charger.security_profile} down to {lowest}. "
        "That is never done over OCPP: set it in the charger itself, and lower the profile on its page."
    )


def _named(action: str, payload: dict[str, Any]) -> list[int | None]:
    """The security profiles that a message sets."""
    match action:
        case "SetNetworkProfile":
            return [small(each.get("securityProfile")) for each in dicts([payload.get("connectionData")])]
        case "ChangeConfiguration" if str(payload.get("key")).casefold() == SETTING:
            return [small(payload.get("value"))]
        case "SetVariables":
            return [
                small(each.get("attributeValue"))
                for each in dicts(payload.get("setVariableData"))
                for variable in dicts([each.get("variable")])
                if str(variable.get("name")).casefold() == SETTING
            ]
    return []
