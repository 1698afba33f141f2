"""What `docs/asyncapi.yaml` promises integrators, held against what is published."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml
from django.conf import settings
from jsonschema_rs import Draft7Validator

REF = "$ref"


@cache
def document() -> dict[str, Any]:
    """The document, as YAML reads it."""
    read: dict[str, Any] = yaml.safe_load((settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text())
    return read


def schema_of(topic: str) -> dict[str, Any]:
    return {REF: f"#/components/schemas/{topic}", "components": document()["components"]}


def check(topic: str, told: dict[str, Any]) -> None:
    """``told`` is as described, and nothing in it is undescribed."""
    assert topic in document()["channels"], f"docs/asyncapi.yaml knows no event {topic!r}"
    complaints = [f"{error.instance_path}: {error.message}" for error in _closed(topic).iter_errors(told)]
    assert not complaints, f"{topic} is not as docs/asyncapi.yaml describes it: {complaints}; {told}"


@cache
def _closed(topic: str) -> Draft7Validator:
    return Draft7Validator(_without_more(schema_of(topic)), validate_formats=True)


def _without_more(node: Any) -> Any:
    """Integrators ignore what they do not know; what we publish is described all the same."""
    if isinstance(node, list):
        return [_without_more(one) for one in node]
    if not isinstance(node, dict):
        return node
    open_node = {name: _without_more(value) for name, value in node.items()}
    is_object = node.get("type") == "object" and isinstance(node.get("properties"), dict)
    return {**open_node, "additionalProperties": False} if is_object else open_node
