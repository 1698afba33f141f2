"""Whatever a charger might put on the wire, drawn from the JSON schemas: valid, mutated, and no frame at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

from gateway.registry import DIALECTS

Schema = dict[str, Any]
Strategy = st.SearchStrategy[Any]

MOMENTS = st.sampled_from(
    ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z", "2026-03-01T14:00:00+02:00", "1970-01-01T00:00:00Z"]
)
# What meets rows that are there, so that more than the first line of a handler runs.
KNOWN: dict[str, Strategy] = {
    "transactionId": st.sampled_from(["tx-1", "tx-2", "x"]),
    "idTag": st.sampled_from(["04A2B3C4", "NOBODY", ""]),
    "connectorId": st.integers(0, 3),
    "evseId": st.integers(0, 3),
    "reservationId": st.integers(0, 5),
    "requestId": st.integers(0, 5),
    "seqNo": st.integers(0, 5),
}
NUMBERS = st.sampled_from([0, -1, 1, 2**31, -(2**31) - 1, 2**63 - 1, 10**18, 0.1, -0.0, 1e308])
STRANGE: Strategy = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.sampled_from(
        ["", " ", "0", "-1", "1e5", "\x00", "\ud800", "٣", "x" * 600, "2026-02-30T00:00:00Z", "' OR 1=1--"]
    ),
    st.text(max_size=20),
    # Fresh ones each time: mutations change them.
    st.sampled_from(["[]", "{}", "[[]]", "[null]", '{"": null}', "[{}]", '{"a": {"b": [1]}}']).map(json.loads),
)


@cache
def schema_of(folder: str, name: str) -> Schema:
    read: Schema = json.loads((files("ocpp") / folder / "schemas" / f"{name}.json").read_text(encoding="utf-8-sig"))
    return read


def file_of(folder: str, action: str) -> str:
    return action if folder == "v16" else f"{action}Request"


def valid(schema: Schema, root: Schema, name: str = "") -> Strategy:
    """Values that a schema allows."""
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type", "object")
    if name in KNOWN and kind != "object":
        known = KNOWN[name]
        if kind == "string":
            return known.map(str)
        least = int(schema.get("minimum", 0))
        return (
            st.integers(least, least + 3) if name == "transactionId" else known.map(lambda number: max(number, least))
        )
    return BY_TYPE[kind](schema, root)


def _object(schema: Schema, root: Schema) -> Strategy:
    properties, required = schema.get("properties", {}), set(schema.get("required", ()))
    parts = {name: valid(part, root, name) for name, part in properties.items()}
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in required},
        optional={name: part for name, part in parts.items() if name not in required},
    )


def _array(schema: Schema, root: Schema) -> Strategy:
    least = schema.get("minItems", 0)
    return st.lists(
        valid(schema["items"], root), min_size=least, max_size=max(least, min(schema.get("maxItems", 2), 2))
    )


def _string(schema: Schema, _: Schema) -> Strategy:
    match schema.get("format"):
        case "date-time":
            return MOMENTS
        case "uri":
            return st.just("https://files.example/x")
    longest = schema.get("maxLength", 40)
    return st.one_of(
        st.text(max_size=min(longest, 20)),
        st.sampled_from([text for text in ("", "x", "5", "04A2B3C4", "é" * 20, "y" * longest) if len(text) <= longest]),
    )


def _number(schema: Schema, _: Schema) -> Strategy:
    least, most = schema.get("minimum", -1e9), schema.get("maximum", 1e12)
    whole = st.integers(round(least), round(most)).map(float)
    return whole.map(lambda value: value / 10) if schema.get("multipleOf") else whole


def _integer(schema: Schema, _: Schema) -> Strategy:
    return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1))


BY_TYPE: dict[str, Callable[[Schema, Schema], Strategy]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": lambda *_: st.booleans(),
}


@cache
def payloads(folder: str, name: str) -> Strategy:
    """Valid payloads of one message."""
    schema = schema_of(folder, name)
    return valid(schema, schema)


@st.composite
def mutated(draw: st.DrawFn, payload: Strategy) -> Any:
    """A payload with one to three things wrong with it, anywhere."""
    value = json.loads(json.dumps(draw(payload)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            return draw(STRANGE)
        parent, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["replace", "remove", "add", "wrap", "twice"])):
            case "remove":
                del parent[key]
            case "add" if isinstance(parent, dict):
                parent[draw(st.text(max_size=8))] = draw(STRANGE)
            case "wrap":
                parent[key] = [parent[key]]
            case "twice" if isinstance(parent, list):
                parent.append(parent[key])
            case _:
                parent[key] = draw(STRANGE)
    return value


def _places(value: Any) -> Any:
    """Each container in a JSON value with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


IDS = st.sampled_from(["1", "2", "a-b", "00000000-0000-4000-8000-000000000000", "x" * 36])
ODD_IDS: Strategy = st.one_of(IDS, st.sampled_from(["", "x" * 37, "x" * 300, "\x00", None, 1, -1, [], {}, True]))


def requests(version: str, wrong: bool) -> Strategy:
    """CALLs (in 2.1 SENDs too) of any action of a version."""
    folder = DIALECTS[version].schemas
    served = sorted(DIALECTS[version].handlers)

    def frame(action: str) -> Strategy:
        payload = payloads(folder, file_of(folder, action))
        return st.tuples(st.just(2), IDS, st.just(action), mutated(payload) if wrong else payload).map(list)

    kinds = [st.sampled_from(served).flatmap(frame)]
    if version == "ocpp2.1":
        heard = sorted(DIALECTS[version].listeners)
        stream = payloads(folder, heard[0])
        kinds.append(st.tuples(st.just(6), IDS, st.just(heard[0]), mutated(stream) if wrong else stream).map(list))
    return st.one_of(kinds).map(json.dumps)


@st.composite
def broken(draw: st.DrawFn, version: str) -> str:
    """Text that is a frame of the wrong shape, or none at all."""
    elements = json.loads(draw(requests(version, False)))
    match draw(st.sampled_from(["text", "cut", "type", "id", "shape", "any", "insert", "answer"])):
        case "text":
            return draw(st.text(max_size=60))
        case "cut":
            text = json.dumps(elements)
            return text[: draw(st.integers(0, len(text)))]
        case "insert":
            text = json.dumps(elements)
            at = draw(st.integers(0, len(text)))
            piece = draw(
                st.sampled_from(["\x00", "\ud800", "[", "]", "{", '"', "\\", "1e999", "NaN", ",", "\ufeff", "[" * 99])
            )
            return text[:at] + piece + text[at:]
        case "type":
            elements[0] = draw(st.one_of(st.integers(-1, 9), STRANGE))
        case "id":
            elements[1] = draw(ODD_IDS)
        case "shape":
            elements = elements[: draw(st.integers(0, 4))] + draw(st.lists(STRANGE, max_size=2))
        case "answer":
            code = draw(st.sampled_from(["GenericError", "", None, 5]))
            elements = draw(
                st.sampled_from([[3, "1", {}], [3, "1"], [4, "1", code, "", {}], [4, "1"], [5, "1", code, "", {}]])
            )
        case _:
            return json.dumps(draw(STRANGE))
    return json.dumps(elements)


@st.composite
def answers(draw: st.DrawFn, version: str) -> tuple[str, Any, list[Any]]:
    """An order of ours that a version knows, its payload, and the frame by which a charger answers (without the id)."""
    folder = DIALECTS[version].schemas
    action = draw(st.sampled_from(_ours(version)))
    request = draw(payloads(folder, file_of(folder, action)))
    good = payloads(folder, f"{action}Response")
    match draw(st.sampled_from(["valid", "mutated", "error", "strange"])):
        case "valid":
            return action, request, [3, draw(good)]
        case "mutated":
            return action, request, [3, draw(mutated(good))]
        case "error":
            return action, request, [4, draw(st.text(max_size=10)), draw(st.text(max_size=10)), draw(STRANGE)]
    return action, request, [3, draw(STRANGE)]


@cache
def _ours(version: str) -> list[str]:
    dialect = DIALECTS[version]
    names = {file.name.removesuffix(".json") for file in (files("ocpp") / dialect.schemas / "schemas").iterdir()}
    answered = {name.removesuffix("Response") for name in names if name.endswith("Response")}
    return sorted(answered - set(dialect.handlers) | {"DataTransfer"})
