"""JSON as chargers write it → values that a database holds.

Strict about what could hurt us (depth, numbers no database holds, text no database stores), lenient about what only
looks odd.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from itertools import accumulate
from typing import Any

DEPTH_LIMIT = 64  # a real payload has about 10
INT64 = 2**63
NOTES_LIMIT = 20

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED = re.compile(r"\\.", re.DOTALL)
STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
NO_BRACKETS = bytes(set(range(256)) - STEP.keys())
UNSTORABLE_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class Reader:
    """One reading of one text: the JSON value, and on the side what was tolerated and what was not usable."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.unusable: list[str] = []

    def read(self, text: str) -> Any:
        """Raises ValueError."""
        text = text.removeprefix("\ufeff").strip(" \t\r\n\0")
        if is_too_deep(text):
            raise ValueError(f"it is nested more than {DEPTH_LIMIT} deep")
        try:
            value = self._decode(text, strict=True)
        except json.JSONDecodeError as error:
            if "control character" not in error.msg:
                raise
            self.findings[:] = ["A string holds raw control characters."]
            self.unusable.clear()
            value = self._decode(text, strict=False)
        if ("\\u" in text and UNSTORABLE_ESCAPE.search(text)) or "\0" in text:
            value = self._storable(value)
        return value

    def _decode(self, text: str, *, strict: bool) -> Any:
        return json.loads(
            text,
            strict=strict,
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_int=self._int,
            parse_float=self._float,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            times = Counter(name for name, _ in pairs)
            twice = sorted(name for name, count in times.items() if count > 1)
            _note(self.findings, f"Given twice, the last one counts: {', '.join(twice)[:100]}.")
        return value

    def _constant(self, text: str) -> None:
        _note(self.unusable, text)

    def _int(self, text: str) -> int | None:
        if len(text) < 19:
            return int(text)
        if len(text) <= 20 and -INT64 <= (number := int(text)) < INT64:
            return number
        _note(self.unusable, f"a number of {len(text.lstrip('-'))} digits")
        return None

    def _float(self, text: str) -> float | None:
        number = float(text)
        if math.isfinite(number):
            return number
        _note(self.unusable, text[:20])
        return None

    def _storable(self, value: Any) -> Any:
        """The same value with U+FFFD for what no database stores: NUL and lone surrogates."""
        if isinstance(value, str):
            return LONE_SURROGATE.sub("\ufffd", value.replace("\0", "\ufffd"))
        if isinstance(value, list):
            return [self._storable(item) for item in value]
        if isinstance(value, dict):
            return {self._storable(name): self._storable(item) for name, item in value.items()}
        return value


def _note(sentences: list[str], sentence: str) -> None:
    """A charger can be wrong half a million times in one frame; that it was is enough to know."""
    if len(sentences) < NOTES_LIMIT:
        sentences.append(sentence)


def is_too_deep(text: str) -> bool:
    """Whether arrays and objects lie more than 64 deep, told before any parser climbs down."""
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return False
    # All in C, for the gateway does this to every larger frame: between two quotes is a string.
    bare = "".join(ESCAPED.sub("", text).split('"')[::2])
    brackets = bare.encode(errors="replace").translate(None, NO_BRACKETS)
    return max(accumulate(map(STEP.__getitem__, brackets)), default=0) > DEPTH_LIMIT
