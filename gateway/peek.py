"""What the gateway must know of a frame: whether it asks or answers, and its id. The rest is the worker's.

Agrees with `gateway.frames` by construction: what is not plainly well-formed is decided there.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import orjson

from gateway import frames


class Kind(enum.Enum):
    CALL = "call"  # an answer with this id will come
    ANSWER = "answer"
    # Broken in some way. The worker keeps it and may complain, with the id if one can be read, else with "-1".
    ODD = "odd"


class Glance(NamedTuple):
    kind: Kind
    message_id: str | None


def peek(text: str) -> Glance:
    """Tell apart what a charger sent. Never raises."""
    try:
        elements = orjson.loads(text) if text.count("[") + text.count("{") <= frames.DEPTH_LIMIT else None
    except orjson.JSONDecodeError:
        elements = None
    match elements:
        case [int(kind), str(message_id), *rest] if 0 < len(message_id) <= frames.ID_LIMIT:
            if kind == frames.CALL and _is_request(rest):
                return Glance(Kind.CALL, message_id)
            if kind in (frames.RESULT, frames.ERROR) and rest:
                return Glance(Kind.ANSWER, message_id)
    return _look_closely(text)


def _is_request(rest: list[Any]) -> bool:
    return len(rest) > 1 and isinstance(rest[0], str) and rest[0] != "" and isinstance(rest[1], dict)


def _look_closely(text: str) -> Glance:
    match frames.parse(text):
        case frames.Call(message_id=message_id):
            return Glance(Kind.CALL, message_id)
        case frames.Result(message_id=message_id) | frames.Error(message_id=message_id):
            return Glance(Kind.ANSWER, message_id)
        case frames.Unreadable(message_id=message_id):
            return Glance(Kind.ODD, message_id)


def is_call(text: str) -> tuple[bool, str]:
    """Of a frame from us: whether it is a CALL, and its id. Raises ValueError for what is no frame."""
    match orjson.loads(text):
        case [int(kind), str(message_id), *_]:
            return kind == frames.CALL, message_id
    raise ValueError("A frame is a JSON array of type, id and more.")
