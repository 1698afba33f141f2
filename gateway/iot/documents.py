"""What AWS IoT is told of a charger, as documents: attributes of its Thing, and its shadows. Pure but for the settings.

- the Thing's attributes: ``vendor``, ``model``, ``firmware``, ``site``
- the classic shadow: the hardware as its boot told it, in the shape of the AWS OCPP gateway sample
- the shadow ``connection``: whether it is online, since when, how it speaks
- the shadow ``configuration``: of the settings that somebody wants, what they are to be and what they are; never all
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chargers.models import Charger, Setting

Document = dict[str, Any]

HARDWARE, CONNECTION, CONFIGURATION = "", "connection", "configuration"  # names of shadows; the classic one has none
LARGEST_BYTES = 8 * 1024  # of a shadow's document
_NOT_IN_AN_ATTRIBUTE = re.compile(r"[^a-zA-Z0-9_.,@/:#-]+")


class ShadowTooLarge(ValueError):
    """A document that AWS IoT would not take."""


def attributes(charger: Charger) -> dict[str, str]:
    """The attributes of the Thing; an empty one is taken away. AWS takes neither spaces nor most marks: ``_``."""
    said = {
        "vendor": charger.vendor,
        "model": charger.model,
        "firmware": charger.firmware_version,
        "site": charger.site.name if charger.site else "",
    }
    return {name: _NOT_IN_AN_ATTRIBUTE.sub("_", value)[:800] for name, value in said.items()}


def hardware(charger: Charger, reason: str) -> Document:
    """What its boot told; ``reason``: why it booted, which OCPP 1.6 does not say."""
    modem = {"iccid": charger.iccid, "imsi": charger.imsi}
    station = {
        "model": charger.model,
        "vendorName": charger.vendor,
        "firmwareVersion": charger.firmware_version,
        "serialNumber": charger.serial_number,
        "modem": {name: value for name, value in modem.items() if value},
    }
    return {"chargingStation": {name: value for name, value in station.items() if value}, "reason": reason or "Unknown"}


def connection(charger: Charger) -> Document:
    since = charger.connected_at if charger.is_online else charger.disconnected_at
    return {"isOnline": charger.is_online, "since": _time(since), "subprotocol": charger.subprotocol}


def configuration(settings: Iterable[Setting], wanted: Iterable[str]) -> dict[str, str]:
    """The values of the wanted settings, as far as the charger has told them and they are no secrets."""
    wanted = set(wanted)
    return {setting.path: setting.value for setting in settings if setting.path in wanted and setting.is_known}


def update(reported: Document, before: Document | None) -> bytes:
    """The message that brings a shadow from ``before`` to ``reported``: what is gone is null. Raises ShadowTooLarge."""
    _check({"reported": reported})
    return _dumped({"state": {"reported": _changes(reported, before)}})


def update_wishes(
    reported: Document, before: Document | None, *, offered: Document, desired: Document, version: int, token: str
) -> bytes:
    """`update`, for the shadow that two sides write: ``offered`` is written into what becomes ``desired`` by it.

    Only if it still has that ``version``; 0: there is none yet. Raises ShadowTooLarge.
    """
    _check({"desired": desired, "reported": reported})
    state = {"desired": offered, "reported": _changes(reported, before)}
    condition = {"version": version, "clientToken": token} if version else {}
    return _dumped({"state": {part: values for part, values in state.items() if values}, **condition})


def _changes(reported: Document, before: Document | None) -> Document:
    return reported | dict.fromkeys((before or {}).keys() - reported.keys())


def _check(state: dict[str, Document]) -> None:
    size_bytes = len(_dumped({"state": state}))
    if size_bytes > LARGEST_BYTES:
        sizes = {name: len(json.dumps(value)) for part in state.values() for name, value in part.items()}
        raise ShadowTooLarge(
            f"A shadow takes {LARGEST_BYTES} bytes and this one would have {size_bytes}; the largest part is "
            f"{max(sizes, key=lambda name: sizes[name])!r}. Ask for fewer settings in the shadow; all of them are on "
            "the charger's page and in REST."
        )


def _dumped(message: Document) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
