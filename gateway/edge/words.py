"""What the edge says to chargers, and what it takes from their frames, in the words of 1.6, 2.0.1 and 2.1. Pure.

The worker has its dialects for all that a charger may say. They need the tables; here is what a leader without tables
needs: limits and an emergency stop to say, sessions and meters to hear.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Payload = Mapping[str, Any]

PURPOSE = {"tx": "TxProfile", "tx_default": "TxDefaultProfile"}
MAY_RAISE = {"TxProfile", "TxDefaultProfile", "PriorityCharging"}


@dataclass(slots=True, frozen=True)
class Begun:
    evse_id: int
    transaction_id: str


@dataclass(slots=True, frozen=True)
class Ended:
    """``evse_id`` None: wherever the session is; ``transaction_id`` "": whatever session is there."""

    transaction_id: str = ""
    evse_id: int | None = None


@dataclass(slots=True, frozen=True)
class Metered:
    """Amperes of the phase that has most, or watts of all where no currents are told."""

    evse_id: int | None
    transaction_id: str
    current_a: float | None
    power_w: float | None


News = Begun | Ended | Metered


# -- to say ------------------------------------------------------------------------------------------------------------


def set_profile(
    version: str, profile: Payload, *, evse_id: int, transaction_id: str = ""
) -> tuple[str, dict[str, Any]]:
    """A profile of `smartcharging.leading` as SetChargingProfile."""
    schedule = {
        "chargingRateUnit": profile["unit"],
        "chargingSchedulePeriod": [
            {"startPeriod": period["start_s"], "limit": round(float(period["limit"]), 1)}
            for period in profile["periods"]
        ],
        **({"duration": profile["duration_s"]} if "duration_s" in profile else {}),
        "startSchedule": wire_time(datetime.fromisoformat(profile["start_at"])),
    }
    common = {
        "stackLevel": profile["stack_level"],
        "chargingProfilePurpose": PURPOSE[profile["purpose"]],
        "chargingProfileKind": "Absolute",
    }
    if version == "1.6":
        of_session: dict[str, Any] = {"transactionId": int(transaction_id)} if transaction_id else {}
        told = {"chargingProfileId": profile["id"], **common, **of_session, "chargingSchedule": schedule}
        return "SetChargingProfile", {"connectorId": evse_id, "csChargingProfiles": told}
    of_session = {"transactionId": transaction_id} if transaction_id else {}
    told = {"id": profile["id"], **common, **of_session, "chargingSchedule": [{"id": profile["id"], **schedule}]}
    return "SetChargingProfile", {"evseId": evse_id, "chargingProfile": told}


def stop(version: str, transaction_id: str) -> tuple[str, dict[str, Any]]:
    if version == "1.6":
        return "RemoteStopTransaction", {"transactionId": int(transaction_id)}
    return "RequestStopTransaction", {"transactionId": transaction_id}


def wire_time(at: datetime) -> str:
    """As `gateway.wire.wire_time`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- to hear -----------------------------------------------------------------------------------------------------------


def may_raise(action: str, payload: Payload) -> bool:
    """Whether an order of somebody else may allow a car more than ours do."""
    if action == "UpdateDynamicSchedule":
        return True  # it tells the powers, not whose profile they are for
    if action != "SetChargingProfile":
        return action in ("RemoteStartTransaction", "RequestStartTransaction") and "chargingProfile" in payload
    profile = payload.get("csChargingProfiles") or payload.get("chargingProfile") or {}
    return isinstance(profile, dict) and str(profile.get("chargingProfilePurpose")) in MAY_RAISE


def profile_id(action: str, payload: Payload) -> int | None:
    """The number of the profile that an order sets."""
    profile = payload.get("csChargingProfiles") or payload.get("chargingProfile") or {}
    if action != "SetChargingProfile" or not isinstance(profile, dict):
        return None
    return _whole(profile.get("chargingProfileId", profile.get("id")))


def started_by(call: Payload, answer: Payload) -> Begun | None:
    """A StartTransaction of 1.6 and its answer, which gives the session its number."""
    evse_id, number = _whole(call.get("connectorId")), _whole(answer.get("transactionId"))
    return Begun(evse_id, str(number)) if evse_id is not None and number is not None else None


def may_be_called(version: str, transaction_id: str) -> bool:
    """Whether a session can have that name; one of 1.6 has a number, and only by it can it be led or stopped."""
    return version != "1.6" or _whole(transaction_id) is not None


def news(action: str, payload: Payload) -> Iterator[News]:
    """What a charger's CALL says of sessions and meters."""
    match action:
        case "TransactionEvent":
            yield from _transaction_event(payload)
        case "StopTransaction":
            yield Ended(_text(payload.get("transactionId")))
        case "StatusNotification":
            status = payload.get("status") or payload.get("connectorStatus")
            evse_id = _whole(payload.get("evseId", payload.get("connectorId")))
            if status == "Available" and evse_id:
                yield Ended(evse_id=evse_id)  # no car is there
        case "MeterValues":
            evse_id = _whole(payload.get("evseId", payload.get("connectorId")))
            transaction_id = _text(payload.get("transactionId"))
            if transaction_id and evse_id:
                yield Begun(evse_id, transaction_id)
            yield from _metered(evse_id, transaction_id, payload.get("meterValue"))


def _transaction_event(payload: Payload) -> Iterator[News]:
    info, evse = payload.get("transactionInfo"), payload.get("evse")
    transaction_id = _text(info.get("transactionId")) if isinstance(info, dict) else ""
    evse_id = _whole(evse.get("id")) if isinstance(evse, dict) else None
    if payload.get("eventType") == "Ended":
        yield Ended(transaction_id)
        return
    if transaction_id and evse_id:
        yield Begun(evse_id, transaction_id)
    yield from _metered(evse_id, transaction_id, payload.get("meterValue"))


def _metered(evse_id: int | None, transaction_id: str, values: object) -> Iterator[Metered]:
    """Of what was sampled at the latest moment."""
    moments = [moment for moment in values if isinstance(moment, dict)] if isinstance(values, list) else []
    if not moments:
        return
    latest = max(moments, key=lambda moment: str(moment.get("timestamp", "")))
    sampled = latest.get("sampledValue")
    samples = [sample for sample in sampled if isinstance(sample, dict)] if isinstance(sampled, list) else []
    currents = list(_values(samples, "Current.Import", {"": 1.0, "A": 1.0}))
    of_all = [sample for sample in samples if not sample.get("phase")]
    powers = list(_values(of_all, "Power.Active.Import", {"": 1.0, "W": 1.0, "kW": 1000.0}))
    if currents or powers:
        yield Metered(evse_id, transaction_id, max(currents, default=None), max(powers, default=None))


def _values(samples: Iterable[Payload], measurand: str, units: Mapping[str, float]) -> Iterator[float]:
    for sample in samples:
        unit = sample.get("unitOfMeasure") or {}
        name = sample.get("unit") or (unit.get("unit") if isinstance(unit, dict) else "") or ""
        power = unit.get("multiplier", 0) if isinstance(unit, dict) else 0
        if sample.get("measurand") != measurand or sample.get("phase") == "N" or str(name) not in units:
            continue
        try:
            value = float(sample.get("value", "")) * units[str(name)] * 10.0 ** int(power)
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(value):
            yield value


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
