"""The smallest message that a schema allows: for tests that go through all messages."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def request(folder: str, action: str) -> dict[str, Any]:
    """The smallest payload of a request; ``folder`` of the `ocpp` package, e.g. "v21"."""
    names = {path.name for path in (files("ocpp") / folder / "schemas").iterdir()}
    return _message(folder, f"{action}Request" if f"{action}Request.json" in names else action)


def response(folder: str, action: str) -> dict[str, Any]:
    return _message(folder, f"{action}Response")


def _message(folder: str, name: str) -> dict[str, Any]:
    text = (files("ocpp") / folder / "schemas" / f"{name}.json").read_text(encoding="utf-8-sig")
    schema = json.loads(text)
    made: dict[str, Any] = _smallest(schema, schema.get("definitions", {}))
    return made


def _smallest(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:  # noqa: PLR0911 - a table
    if "$ref" in schema:
        return _smallest(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            return {name: _smallest(schema["properties"][name], definitions) for name in required}
        case "array":
            return [_smallest(schema["items"], definitions)] * schema.get("minItems", 0)
        case "integer" | "number":
            return max(0, int(schema.get("minimum", 0)))
        case "boolean":
            return True
    return "2026-06-02T09:15:03.000Z" if schema.get("format") == "date-time" else "x"
