"""Reading and writing what all OCPP versions put on the wire alike: times, numbers, lists that may be anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from chargers import clocks
from chargers.models import Command
from gateway.dialect import Payload, Unspeakable
from sessions.units import LARGEST, as_number

INT32 = 2**31 - 1
# No charger has more plugs; a larger number is a fault, and would fill our tables with connectors nobody has.
MOST_CONNECTORS = 999
LINK_LOCAL = re.compile(r"^([^/@]*@)?(169\.254\.|\[fe80:)", re.IGNORECASE)  # where clouds keep the keys of machines
FILE_SCHEMES = ("https", "http", "ftps", "ftp", "sftp")


def wire_time(at: datetime) -> str:
    """A time for a charger: UTC, Z, milliseconds. Strict clients end themselves at less."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(value: object) -> str:
    """A string as sent; "" for absent; a number where a string belongs becomes one."""
    if value is None or isinstance(value, bool | dict | list):
        return ""
    return value if isinstance(value, str) else str(value)


def whole(value: object) -> int | None:
    """A whole number (Wh of a register, an id), be it sent as 5, 5.0 or "5"; None if it is none."""
    number = as_number(value)
    return None if number is None or abs(number) > LARGEST else round(number)


def small(value: object) -> int | None:
    """As `whole`, if it fits the integer of OCPP and of our columns (32 bits)."""
    number = whole(value)
    return number if number is not None and abs(number) <= INT32 else None


def plug(value: object) -> int | None:
    """A connector or EVSE number; None if no charger can have it."""
    number = whole(value)
    return number if number is not None and 0 <= number <= MOST_CONNECTORS else None


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a list; nothing if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def said(**fields: Any) -> Payload:
    """A payload of what is there: an optional field without a value must be absent, not null."""
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None}


# -- arguments of our commands ---------------------------------------------------------------------------------------


def need(command: Command, name: str) -> Any:
    """An argument that the verb cannot do without. Raises Unspeakable."""
    value = command.arguments.get(name)
    if value is None or value == "":
        raise Unspeakable(f"{command.verb!r} needs {name!r}; it was given {sorted(command.arguments) or 'nothing'}.")
    return value


def need_number(command: Command, name: str) -> int:
    value = small(need(command, name))
    if value is None:
        raise Unspeakable(f"{name!r} of {command.verb!r} is {command.arguments[name]!r}; it must be a whole number.")
    return value


def number(command: Command, name: str) -> int | None:
    """An optional whole number among the arguments. Raises Unspeakable if it is something else."""
    return None if command.arguments.get(name) in (None, "") else need_number(command, name)


def moment(command: Command, value: object, name: str) -> str | None:
    """An optional time among the arguments (ISO text), for the wire. Raises Unspeakable."""
    if value in (None, ""):
        return None
    parsed = clocks.parse(value)
    if parsed is None:
        raise Unspeakable(f"{name!r} of {command.verb!r} is {value!r}; it must be a time like 2026-01-31T18:30:00Z.")
    return wire_time(parsed)


def address(command: Command, name: str) -> str:
    """An argument that tells a charger where a file lies or goes. Raises Unspeakable for what is no place for files."""
    given = str(need(command, name))
    scheme, _, rest = given.partition("://")
    if scheme.lower() not in FILE_SCHEMES or not rest:
        known = ", ".join(f"{scheme}://" for scheme in FILE_SCHEMES)
        raise Unspeakable(f"{name!r} of {command.verb!r} is {given[:80]!r}; it must begin with one of {known}.")
    if LINK_LOCAL.search(rest):
        raise Unspeakable(f"{name!r} of {command.verb!r} leads to a link-local address, where no server is.")
    return given


def one_of(command: Command, name: str, words: dict[str, str], value: object) -> str:
    """The specification's word for one of ours. Raises Unspeakable."""
    try:
        return words[str(value)]
    except KeyError:
        choices = ", ".join(words)
        raise Unspeakable(f"{name!r} of {command.verb!r} is {value!r}; it must be one of {choices}.") from None
