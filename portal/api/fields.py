"""Serializer fields that several resources need."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chargers.masking import mask

DEEPEST = 32


@extend_schema_field(OpenApiTypes.OBJECT)
class JsonObject(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """Any JSON object that each database can store and each charger's parser can read."""

    default_error_messages = {
        "not_an_object": "Expected a JSON object, got {kind}.",
        "too_deep": f"Nested deeper than {DEEPEST} levels.",
        "null_character": "A text holds a NUL character (\\u0000), which cannot be stored.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_an_object", kind=type(data).__name__)
        level: list[Any] = [data]
        for _ in range(DEEPEST):
            level = [child for value in level for child in self._children(value)]
        if level:
            self.fail("too_deep")
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value

    def _children(self, value: Any) -> list[Any]:
        if isinstance(value, str) and "\0" in value:
            self.fail("null_character")
        if isinstance(value, dict):
            return [*value.keys(), *value.values()]
        return value if isinstance(value, list) else []


class Masked(serializers.JSONField):
    """JSON that may hold a password: whoever may look at a command need not know it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        text = json.dumps(value)
        shown = mask(text)
        return value if shown is text else json.loads(shown)


@extend_schema_field(OpenApiTypes.OBJECT)
class MaskedObject(Masked):
    pass


class WholeNumber(serializers.IntegerField):
    """A measured value to the whole unit: Wh for energy."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: float) -> int:
        return round(value)
