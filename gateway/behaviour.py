"""Behaviour packs at work: a charger's frames put right on their way in, ours made digestible on their way out.

What a pack changed is told in the findings, so that the log shows it; the frame itself stays in the journal as it came.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

from chargers import behaviour
from chargers.behaviour import Quirks
from chargers.desired import provenance, quarantine
from chargers.models import Charger, Command
from chargers.protocol import BY_PACK
from gateway.dialect import Payload, Unspeakable
from gateway.wire import wire_time
from sessions.registers import BEGIN
from sessions.units import as_number

ENERGY = "Energy.Active"
REGISTER = f"{ENERGY}.Import.Register"


def inbound(charger: Charger, payload: Payload, findings: list[str]) -> Payload:
    """A payload of the charger as it is meant; the same object where no pack has a say."""
    quirks = behaviour.quirks_of(charger)
    if quirks.are_none:
        return payload
    changed: set[str] = set()
    payload = _copy(payload)
    if quirks.ignore_meter_start and payload.get("meterStart") == 0:
        del payload["meterStart"]
        changed.add("meterStart 0 was not believed")
    if quirks.register_factor != 1:
        for name in ("meterStart", "meterStop"):
            if isinstance(payload.get(name), int):
                payload[name] = round(payload[name] * quirks.register_factor)
                changed.add(f"{name} × {quirks.register_factor:g}")
    zone = _zone(charger, quirks)
    _walk(payload, quirks, zone, changed)
    findings += [f"{BY_PACK}{text}." for text in sorted(changed)]
    return payload


def _walk(node: Any, quirks: Quirks, zone: ZoneInfo | None, changed: set[str]) -> None:
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            _walk(child, quirks, zone, changed)
    if not isinstance(node, dict):
        return
    if quirks.ignore_meter_start and isinstance(node.get("sampledValue"), list):
        believed = [each for each in node["sampledValue"] if not _is_zero_at_the_start(each)]
        if len(believed) < len(node["sampledValue"]):
            node["sampledValue"] = believed
            changed.add("a register of 0 at the start was not believed")
    if quirks.energy_factor != 1 and "value" in node and _is_energy_in_wh(node):
        scaled = _scaled(node["value"], quirks.energy_factor)
        if scaled is not None:
            node["value"] = scaled
            changed.add(f"energy × {quirks.energy_factor:g}")
    if zone is not None and isinstance(node.get("timestamp"), str):
        moved = local_to_utc(node["timestamp"], zone, z_is_local=quirks.z_is_local)
        if moved is not None:
            node["timestamp"] = moved
            changed.add(f"time read in {zone.key}")


def _is_zero_at_the_start(sampled: Any) -> bool:
    """The meterStart of 2.x, which some firmwares of 1.6 tell along with each reading besides."""
    return (
        isinstance(sampled, dict)
        and sampled.get("context") == BEGIN
        and str(sampled.get("measurand") or REGISTER) == REGISTER
        and as_number(sampled.get("value")) == 0
    )


def _is_energy_in_wh(sampled: dict[str, Any]) -> bool:
    measurand = str(sampled.get("measurand") or REGISTER)
    told = sampled.get("unitOfMeasure")
    unit = told.get("unit") if isinstance(told, dict) else sampled.get("unit")
    return measurand.startswith(ENERGY) and str(unit or "Wh").casefold() == "wh"


def _scaled(value: Any, factor: float) -> Any:
    """In the shape it came in: text stays text. None for what is no number."""
    try:
        number = round(float(value) * factor, 6)
    except (TypeError, ValueError):
        return None
    return f"{number:f}".rstrip("0").rstrip(".") if isinstance(value, str) else number


def local_to_utc(text: str, zone: ZoneInfo, *, z_is_local: bool) -> str | None:
    """A time without a zone (or, so wished, with a Z that means nothing) as UTC; None for one that says its zone."""
    stripped = text.strip()
    if stripped[-1:] in "Zz" and z_is_local:
        stripped = stripped[:-1]
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return None
    return wire_time(moment.replace(tzinfo=zone).astimezone(UTC))


def _zone(charger: Charger, quirks: Quirks) -> ZoneInfo | None:
    if not quirks.zone:
        return None
    # Without a site nobody knows where it stands: UTC is as good a guess as any, and what is assumed anyway.
    name = behaviour.zone_of_site(charger.site_id) if quirks.zone == "site" else quirks.zone
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(child) for name, child in value.items()}
    return [_copy(child) for child in value] if isinstance(value, list) else value


# -- on their way out ------------------------------------------------------------------------------------------------


def outbound(command: Command, payload: Payload) -> Payload:
    """A request of ours as this model takes it; a raw order passes. Raises Unspeakable for what would harm it."""
    if command.verb == "write_settings" and not command.arguments.get("is_back"):
        paths = [path for path, _ in provenance.written(command)]
        if objection := quarantine.objection(command.charger, paths):
            raise Unspeakable(f"{objection} Lift it under Configuration; a raw command is sent all the same.")
    quirks = behaviour.quirks_of(command.charger)
    if quirks.are_none or not command.verb:
        return payload
    harmful = [name for name in _written(payload) if name.casefold() in quirks.never_write]
    if harmful:
        raise Unspeakable(
            f"{harmful[0]} must not be written to a {command.charger.vendor} {command.charger.model}: a behaviour pack "
            "knows that it harms this model. See Protocol; a raw command is sent all the same."
        )
    for name in ("csChargingProfiles", "chargingProfile"):
        if isinstance(payload.get(name), dict):
            payload = {**payload, name: _profile(payload[name], quirks)}
    return payload


def _written(payload: Payload) -> list[str]:
    """The names of the settings that a request writes, in either version."""
    if isinstance(payload.get("key"), str) and "value" in payload:
        return [payload["key"]]
    data = payload.get("setVariableData")
    variables = [each.get("variable") for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    return [str(variable.get("name")) for variable in variables if isinstance(variable, dict)]


def _profile(profile: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    told = dict(profile)
    if quirks.stack_level is not None:
        told["stackLevel"] = quirks.stack_level
    if not quirks.profile_kind or told.get("chargingProfileKind") not in ("Absolute", "Relative"):
        return told
    told["chargingProfileKind"] = quirks.profile_kind
    told_schedule = told.get("chargingSchedule")
    schedules = [dict(each) for each in _as_list(told_schedule) if isinstance(each, dict)]
    for schedule in schedules:
        if quirks.profile_kind == "Absolute":
            schedule.setdefault("startSchedule", wire_time(timezone.now()))
        else:
            schedule.pop("startSchedule", None)
    if schedules:
        told["chargingSchedule"] = schedules if isinstance(told_schedule, list) else schedules[0]
    return told


def _as_list(value: Any) -> list[Any]:
    """2.x has a list of schedules, 1.6 one."""
    return value if isinstance(value, list) else [value]
