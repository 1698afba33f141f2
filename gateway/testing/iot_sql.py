"""The part of AWS IoT's rule SQL that our rules use, so that tests can run them on real frames without AWS.

``SELECT item [AS name], … FROM 'filter' [WHERE condition]`` with ``*``, ``topic(n)``, ``timestamp()``, ``get(*, n)``,
``encode(*, 'base64')``, literals, ``=``, ``<>``, AND and OR. Anything else raises ValueError: a rule that the tests
cannot run is none that we ship. A payload that is no JSON has no ``*``: such a SELECT fails on it, as it does at AWS,
but for ``encode``, which takes any bytes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Value = Callable[["Message"], Any]

_TOKEN = re.compile(r"\s*(?:(?P<text>'[^']*')|(?P<number>-?\d+)|(?P<word>[A-Za-z_]\w*)|(?P<mark><>|[=*(),]))")
UNDEFINED = object()


class NoJson(ValueError):
    """The rule looks into a payload that is no JSON: AWS runs its error action."""


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    at_ms: int

    def document(self) -> Any:
        try:
            return json.loads(self.payload)
        except ValueError as error:
            raise NoJson(str(error)) from error


@dataclass(frozen=True)
class Rule:
    pattern: str
    items: list[tuple[str, Value]]
    condition: Value

    def run(self, topic: str, payload: bytes, *, at_ms: int) -> Any:
        """What the rule's actions get; None if it does not want the message. Raises NoJson."""
        message = Message(topic, payload, at_ms)
        if not _covers(self.pattern, topic) or not self.condition(message):
            return None
        if [name for name, _ in self.items] == ["*"]:
            return message.document()
        found = {name: value(message) for name, value in self.items}
        return {name: value for name, value in found.items() if value is not UNDEFINED}


def compile_rule(sql: str) -> Rule:
    return _Parser(sql).rule()


class _Parser:
    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens: list[tuple[str, str]] = []
        place, sql = 0, sql.strip()
        while place < len(sql):
            match = _TOKEN.match(sql, place)
            if match is None:
                raise ValueError(f"Not understood at {sql[place : place + 20]!r} in {sql!r}.")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            place = match.end()

    def rule(self) -> Rule:
        self._need("SELECT")
        items = [self._item()]
        while self._take(","):
            items.append(self._item())
        self._need("FROM")
        pattern = self._next("text")[1:-1]
        condition: Value = (lambda message: True) if not self._take("WHERE") else self._either()
        if self._tokens:
            raise ValueError(f"{self._tokens[0][1]!r} is left over in {self._sql!r}.")
        return Rule(pattern, items, condition)

    def _item(self) -> tuple[str, Value]:
        start = self._tokens[0][1]
        value = self._value()
        return (self._next("word") if self._take("AS") else start), value

    def _either(self) -> Value:
        sides = [self._both()]
        while self._take("OR"):
            sides.append(self._both())
        return lambda message: any(side(message) for side in sides)

    def _both(self) -> Value:
        sides = [self._comparison()]
        while self._take("AND"):
            sides.append(self._comparison())
        return lambda message: all(side(message) for side in sides)

    def _comparison(self) -> Value:
        left = self._value()
        if self._take("="):
            right = self._value()
            return lambda message: left(message) == right(message)
        self._need("<>")
        right = self._value()
        return lambda message: left(message) != right(message)

    def _value(self) -> Value:
        kind, word = self._tokens.pop(0) if self._tokens else ("", "")
        if word == "*":
            return lambda message: message.document()
        if kind == "text":
            return lambda message: word[1:-1]
        if kind == "number":
            return lambda message: int(word)
        return self._function(word)

    def _function(self, name: str) -> Value:
        self._need("(")
        arguments: list[str] = []
        while not self._take(")"):
            arguments.append(self._tokens.pop(0)[1])
            self._take(",")
        match (name, arguments):
            case ("topic", [number]):
                return lambda message: message.topic.split("/")[int(number) - 1]
            case ("timestamp", []):
                return lambda message: message.at_ms
            case ("get", ["*", index]):
                return lambda message: _at(message.document(), int(index))
            case ("encode", ["*", "'base64'"]):
                return lambda message: base64.b64encode(message.payload).decode()
        raise ValueError(f"{name}({', '.join(arguments)}) is not known here.")

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise ValueError(f"{word} is missing in {self._sql!r}.")

    def _take(self, word: str) -> bool:
        if self._tokens and self._tokens[0][1].upper() == word:
            self._tokens.pop(0)
            return True
        return False

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise ValueError(f"A {kind} is missing in {self._sql!r}.")
        return self._tokens.pop(0)[1]


def _at(document: Any, index: int) -> Any:
    """As `get` does it: undefined for what is not there, which equals nothing."""
    if isinstance(document, list) and 0 <= index < len(document):
        return document[index]
    return UNDEFINED


def _covers(pattern: str, topic: str) -> bool:
    wanted, given = pattern.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(want in ("+", level) for want, level in zip(wanted, given, strict=True))
