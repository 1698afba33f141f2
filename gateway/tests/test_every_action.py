"""Whatever a CSMS may say by the schemas can be said raw, and its answer is read, kept and judged."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Command, CommandStatus
from gateway.call import Books
from gateway.delivery import deliver
from gateway.registry import DIALECTS
from gateway.tests.post import post
from gateway.tests.test_coverage import CHAPTER, documented

OURS = [
    (version, action)
    for version, dialect in DIALECTS.items()
    if version in CHAPTER
    for action, (sender, _) in sorted(documented(dialect).items())
    if sender != "charger"
]
SAMPLE: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "string": "x"}


def sample(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """The least that is valid by a schema."""
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" | None:
            wanted = schema.get("required", [])
            return {name: sample(schema["properties"][name], root) for name in wanted} if "properties" in schema else {}
        case "array":
            return [sample(schema["items"], root)] * max(schema.get("minItems", 1), 1)
        case "string" if schema.get("format") == "date-time":
            return "2026-03-01T12:00:00.000Z"
        case "string" if schema.get("format") == "uri":
            return "https://example.com/x"
    return SAMPLE[schema["type"]]


def least(version: str, name: str) -> Any:
    folder = DIALECTS[version].schemas
    file = files("ocpp") / folder / "schemas" / f"{name}.json"
    schema = json.loads(file.read_text(encoding="utf-8-sig"))
    return sample(schema, schema)


@pytest.mark.parametrize(("version", "action"), OURS)
def test_an_action_of_ours_can_be_sent_raw_and_its_answer_is_kept_and_judged(version, action, make_charger):
    charger = make_charger("CP-1", version)
    request = least(version, action if version == "ocpp1.6" else f"{action}Request")
    answer = least(version, f"{action}Response")
    order = commands.request(charger, action=action, payload=request)
    (said,) = deliver({charger.pk}, Books(timezone.now()))
    assert json.loads(said.payload) == [2, str(order.pk), action, request]
    post(charger, json.dumps([3, str(order.pk), answer]))
    settled = Command.objects.get()
    assert settled.answer == answer
    assert settled.status in (CommandStatus.ACCEPTED, CommandStatus.REJECTED), settled.explanation
