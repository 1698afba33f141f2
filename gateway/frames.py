"""Text on the wire ⇄ OCPP-J frames. Knows the framing of all versions, no action and no payload.

Nothing raises: what cannot be read is an `Unreadable` that says why. What was tolerated is in ``findings``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from gateway.errors import FormationViolation, MessageTypeNotSupported, OcppError, RpcFrameworkError
from gateway.reading import Reader

CALL, RESULT, ERROR = 2, 3, 4
RESULT_ERROR, SEND = 5, 6  # since 2.1: complaint about an answer; message that is never answered. Part 4 §4.2
ID_LIMIT = 36


@dataclass(frozen=True, slots=True)
class Call:
    message_id: str
    action: str
    payload: dict[str, Any]
    # Numbers that no database holds (5,000 digits, NaN, 1e999): null in ``payload``, named here.
    unusable: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    def digest(self) -> str:
        """32 hex digits that are the same for the same request, however it is spaced and ordered."""
        canonical = orjson.dumps([self.action, self.payload], option=orjson.OPT_SORT_KEYS)
        return blake2b(canonical, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Result:
    message_id: str
    payload: Any  # whatever the charger put there
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Error:
    message_id: str
    code: str
    description: str
    details: Any
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultError:
    """The other side could not make sense of our answer to its CALL ``message_id``."""

    message_id: str
    code: str
    description: str
    details: Any
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """As a CALL, but nobody waits and nothing is confirmed."""

    message_id: str
    action: str
    payload: dict[str, Any]
    unusable: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    def digest(self) -> str:
        """As of a CALL, and never the same as that of one."""
        canonical = orjson.dumps([SEND, self.action, self.payload], option=orjson.OPT_SORT_KEYS)
        return blake2b(canonical, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No frame of ours. ``message_id`` is None where none can be read; ``error`` None where no answer is due."""

    why: str
    message_id: str | None = None
    error: OcppError | None = None


Frame = Call | Result | Error | ResultError | Send | Unreadable


OLD_TYPES = frozenset({CALL, RESULT, ERROR})
ALL_TYPES = OLD_TYPES | {RESULT_ERROR, SEND}


def types_of(subprotocol: str) -> frozenset[int]:
    """The message types that a version knows."""
    return OLD_TYPES if subprotocol in ("ocpp1.6", "ocpp2.0.1") else ALL_TYPES


def parse(text: str, types: frozenset[int] = OLD_TYPES) -> Frame:
    """Read one frame. A BOM, spacing, raw control characters in strings and doubled keys are tolerated.

    ``types``: see `types_of`; any other is an `Unreadable`.
    """
    reader = Reader()
    try:
        elements = reader.read(text)
    except ValueError as error:
        why = f"This is no JSON that we read: {error}"
        return Unreadable(why, error=RpcFrameworkError("The frame cannot be read as a JSON array."))
    if not isinstance(elements, list) or not elements:
        return Unreadable("A frame is a JSON array.", error=RpcFrameworkError("A frame is a JSON array."))
    return _sort(elements, reader, types)


def _sort(elements: list[Any], reader: Reader, types: frozenset[int]) -> Frame:
    kind, message_id = elements[0], _readable_id(elements)
    if type(kind) is not int:
        error = RpcFrameworkError("The first element of a frame is its message type, a number.")
        return Unreadable(error.description, message_id, error)
    if kind not in types:
        known = ", ".join(map(str, sorted(types)))
        refusal = MessageTypeNotSupported(f"Message type {str(kind)[:20]} is not one of {known}.")
        return Unreadable(refusal.description, message_id, refusal)
    if kind == CALL:
        return _call(elements, message_id, reader)
    if kind == SEND:
        return _send(elements, message_id, reader)
    return _answer(kind, elements, message_id, reader)


def _send(elements: list[Any], message_id: str | None, reader: Reader) -> Frame:
    """Read like a CALL; what is wrong with it is kept and not answered, for its sender does not listen."""
    read = _call(elements, message_id, reader)
    if isinstance(read, Call):
        return Send(read.message_id, read.action, read.payload, read.unusable, read.findings)
    assert isinstance(read, Unreadable)
    return Unreadable(read.why.replace("CALL", "SEND").replace("2, id", "6, id"), read.message_id)


def _call(elements: list[Any], message_id: str | None, reader: Reader) -> Frame:
    fault = _fault_of_call(elements, message_id)
    if fault:
        return Unreadable(fault, message_id, RpcFrameworkError(fault))
    assert message_id is not None
    action, payload = elements[2], elements[3]
    if payload is None or payload == []:
        # PHP and Lua firmware writes an empty object so.
        reader.findings.append(f"The payload is {json.dumps(payload)} instead of {{}}.")
        payload = {}
    if not isinstance(payload, dict):
        why = "The payload of a CALL is a JSON object."
        return Unreadable(why, message_id, FormationViolation(why))
    if len(elements) > 4:
        reader.findings.append(f"The CALL has {len(elements)} elements instead of 4.")
    return Call(message_id, action, payload, tuple(reader.unusable), tuple(reader.findings))


def _fault_of_call(elements: list[Any], message_id: str | None) -> str:
    """What makes a CALL unanswerable in the ordinary way; empty if nothing does."""
    if message_id is None or elements[1] != message_id or len(message_id) > ID_LIMIT:
        return f"The message id is a string of 1 to {ID_LIMIT} characters."
    if len(elements) < 4:
        return "A CALL has four elements: 2, id, action, payload."
    if not isinstance(elements[2], str) or not elements[2]:
        return "The action of a CALL is a string."
    return ""


def _answer(kind: int, elements: list[Any], message_id: str | None, reader: Reader) -> Frame:
    if message_id is None or len(elements) < 3:
        # An answer is never answered, or two programs talk past each other for ever.
        return Unreadable("An answer without id or content.", message_id)
    findings = tuple(reader.findings + [f"{text} was read as null." for text in reader.unusable])
    if kind == RESULT:
        return Result(message_id, elements[2], findings)
    description = elements[3] if len(elements) > 3 and isinstance(elements[3], str) else ""
    details = elements[4] if len(elements) > 4 else {}
    complaint = Error if kind == ERROR else ResultError
    return complaint(message_id, str(elements[2])[:64], description, details, findings)


def _readable_id(elements: list[Any]) -> str | None:
    """The id as far as it can be told, to answer a frame that is wrong otherwise. A number counts as its digits."""
    if len(elements) < 2:
        return None
    given = elements[1]
    if type(given) is int:
        given = str(given)
    # 255: nothing that long comes from a counter or a UUID, and nobody waits for it.
    return given if isinstance(given, str) and 0 < len(given) <= 255 else None


def call(message_id: str, action: str, payload: dict[str, Any]) -> str:
    """A CALL as text."""
    return orjson.dumps([CALL, message_id, action, payload]).decode()


def result(message_id: str, payload: dict[str, Any]) -> str:
    """A CALLRESULT as text."""
    return orjson.dumps([RESULT, message_id, payload]).decode()


def error(message_id: str, refusal: OcppError, subprotocol: str) -> str:
    """A CALLERROR as text, in the spelling of the version."""
    code = refusal.wire_code(subprotocol)
    return orjson.dumps([ERROR, message_id, code, refusal.description, refusal.details]).decode()


def result_error(message_id: str, complaint: OcppError, subprotocol: str) -> str:
    """A CALLRESULTERROR as text: we could not make sense of the other side's answer to our CALL."""
    code = complaint.wire_code(subprotocol)
    return orjson.dumps([RESULT_ERROR, message_id, code, complaint.description, complaint.details]).decode()
