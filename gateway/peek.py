"""What the gateway must know of a frame: whether it asks or answers, and its id. The rest is the worker's.

Agrees with `gateway.frames` by construction: what is not plainly well-formed is decided there.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import orjson

from gateway import frames, reading


class Kind(enum.Enum):
    CALL = "call"  # an answer with this id will come
    ANSWER = "answer"
    SEND = "send"  # as a CALL, but nobody waits for an answer (2.1)
    # Broken in some way. The worker keeps it and may complain, with the id if one can be read, else with "-1".
    ODD = "odd"


class Glance(NamedTuple):
    kind: Kind
    message_id: str | None


def peek(text: str, types: frozenset[int] = frames.OLD_TYPES) -> Glance:
    """Tell apart what a charger sent; ``types`` are those of its version. Never raises."""
    try:
        elements = None if reading.is_too_deep(text) else orjson.loads(text)
    except orjson.JSONDecodeError:
        elements = None
    match elements:
        case [int(kind), str(message_id), *rest] if 0 < len(message_id) <= frames.ID_LIMIT and "\0" not in message_id:
            if kind == frames.CALL and _is_request(rest):
                return Glance(Kind.CALL, message_id)
            if kind == frames.SEND and kind in types and _is_request(rest):
                return Glance(Kind.SEND, message_id)
            if kind in (frames.RESULT, frames.ERROR) and rest:
                return Glance(Kind.ANSWER, message_id)
    return _look_closely(text, types)


def _is_request(rest: list[Any]) -> bool:
    return len(rest) > 1 and isinstance(rest[0], str) and rest[0] != "" and isinstance(rest[1], dict)


def _look_closely(text: str, types: frozenset[int]) -> Glance:
    frame = frames.parse(text, types)
    match frame:
        case frames.Call():
            kind = Kind.CALL
        case frames.Send():
            kind = Kind.SEND
        case frames.Unreadable():
            kind = Kind.ODD
        case _:
            kind = Kind.ANSWER
    return Glance(kind, frame.message_id)


def is_answer(text: str) -> tuple[bool, str]:
    """Of a frame from us: whether a CALL of the charger has to wait for it, and its id. Raises ValueError."""
    match orjson.loads(text):
        case [int(kind), str(message_id), *_]:
            return kind in (frames.RESULT, frames.ERROR), message_id
    raise ValueError("A frame is a JSON array of type, id and more.")
