"""Puts right what chargers send slightly wrong, guided by the faults that the schema validator found.

Knows JSON schema faults, no message and no version. A repair is made only where it can mean one thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jsonschema_rs import ValidationError

UNKNOWN = "additionalProperties"  # the kind of fault that is an unknown field
ABSENT = object()
TYPE_NAMES: dict[type, str] = {
    dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"
}  # fmt: skip


def copy(value: Any) -> Any:
    """A JSON value that may be changed without changing the original."""
    if isinstance(value, dict):
        return {name: copy(item) for name, item in value.items()}
    return [copy(item) for item in value] if isinstance(value, list) else value


def mend(payload: dict[str, Any], error: ValidationError, *, clip: bool) -> str:
    """Repair one fault in place; what was done in words, or "" if it cannot be told what was meant."""
    path = error.instance_path
    if not path:
        return ""
    parent = _reach(payload, path[:-1])
    if parent is None:
        return ""
    given = error.instance
    meant = _meant(given, error, clip=clip)
    if meant is given:
        return ""
    where = path_of(error)
    if meant is not ABSENT:
        parent[path[-1]] = meant
        return f"{where}: {_short(given)} was read as {_short(meant)}."
    if not isinstance(parent, dict):
        return ""
    parent.pop(path[-1], None)
    return f"{where}: {_short(given)} was read as absent."


def _meant(given: Any, error: ValidationError, *, clip: bool) -> Any:
    """What was meant: another value, ABSENT, or the very same object if that cannot be told."""
    kind: Any = error.kind
    match kind.name:
        case "type":
            return _coerced(given, kind.types)
        case "enum" if isinstance(given, str):
            if not given.strip():
                return ABSENT
            same = [option for option in kind.options if str(option).casefold() == given.strip().casefold()]
            return same[0] if len(same) == 1 else given
        case "maxLength" if clip:
            return given[: kind.value]
    return given


def _coerced(given: Any, types: list[str]) -> Any:
    if given is None:
        return ABSENT
    for wanted in types:
        meant = _as_type(given, wanted)
        if meant is not ABSENT:
            return meant
    return ABSENT if given == "" else given


def _as_type(given: Any, wanted: str) -> Any:  # noqa: PLR0911 - a table
    """``given`` as the wanted JSON type, or ABSENT where it could mean several things."""
    match wanted, given:
        case "string", bool():
            return "true" if given else "false"
        case "string", int() | float():
            return str(given)
        case "integer" | "number", str():
            return _number(given.strip(), wanted)
        case "integer", float() if given.is_integer():
            return int(given)
        case "boolean", str() if given.strip().lower() in ("true", "false"):
            return given.strip().lower() == "true"
        case "array", dict():
            return [given]
    return ABSENT


def _number(text: str, wanted: str) -> Any:
    # Only plain decimals: int() and float() also read "1_0", "٣", "inf" and "nan".
    digits = text.removeprefix("-").replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        return ABSENT
    if "." not in text:
        return int(text)
    number = float(text)
    if wanted == "number":
        return number
    return int(number) if number.is_integer() else ABSENT


def without_wrong_types(payload: dict[str, Any], faults: Iterable[ValidationError]) -> dict[str, Any]:
    """The payload without what still has the wrong type: a handler finds a field as specified or not at all."""
    wrong = [error.instance_path for error in faults if error.kind.name == "type"]
    # From the end, so that the places of earlier list items stay what they were.
    for path in sorted(wrong, key=_from_the_end, reverse=True):
        parent = _reach(payload, path[:-1])
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
        elif isinstance(parent, list) and path:
            del parent[int(path[-1])]
    return payload


def is_larger(payload: Any, most: int) -> bool:
    """Whether it holds more than ``most`` values, at any depth."""
    nodes, seen = [payload], 0
    while nodes and seen <= most:
        node = nodes.pop()
        inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        seen += len(inside)
        if seen <= most:
            nodes += inside
    return seen > most


def without_lists(payload: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a payload says in single values, and the names of the others."""
    single = {name: value for name, value in payload.items() if not isinstance(value, list | dict)}
    return single, [name for name in payload if name not in single]


def _from_the_end(path: list[str | int]) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (0, step) for step in path]


def unknown_fields(errors: Iterable[ValidationError]) -> list[str]:
    """The fields that the specification does not know, one sentence each place."""
    return [
        f"{path_of(error) or 'payload'}: unknown field {', '.join(_unexpected(error))[:80]}."
        for error in errors
        if error.kind.name == UNKNOWN
    ]


def _unexpected(error: ValidationError) -> list[str]:
    kind: Any = error.kind
    return list(kind.unexpected)


def path_of(error: ValidationError) -> str:
    """Where a fault is: ``meterValue[0].sampledValue[2].value``."""
    text = ""
    for step in error.instance_path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text[:120]


def type_name(value: Any) -> str:
    return TYPE_NAMES.get(type(value), type(value).__name__)


def _reach(payload: Any, path: list[str | int]) -> Any:
    """The container at a path; None if an earlier repair took it away."""
    for step in path:
        try:
            payload = payload[step]
        except (KeyError, IndexError, TypeError):
            return None
    return payload


def _short(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 40 else f"{type_name(value)} of {len(repr(value))} characters"
