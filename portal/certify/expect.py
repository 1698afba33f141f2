"""What a scenario wants to see, compared with what it saw; the difference in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Failed(Exception):
    """The yard did not do what the case demands; the text says what was seen and what was wanted."""


class Anything:
    """Anything, as long as it is there."""

    def __repr__(self) -> str:
        return "something"


THERE = Anything()
ABSENT = None


def expect(is_so: object, sentence: str) -> None:
    """Raises Failed with the sentence unless it is so."""
    if not is_so:
        raise Failed(sentence)


def same(seen: Any, wanted: Any, what: str) -> None:
    """Compare: of an object the wanted fields (None: must be absent), a list whole, a set as alternatives, a function
    as a question. Raises Failed naming the field."""
    if wanted is THERE:
        return
    if callable(wanted):
        ask: Callable[[Any], object] = wanted
        expect(ask(seen), f"{what} is {seen!r}")
    elif isinstance(wanted, dict):
        expect(isinstance(seen, dict), f"{what} is {seen!r}, not an object")
        _same_fields(seen, wanted, what)
    elif isinstance(wanted, list):
        is_long = isinstance(seen, list) and len(seen) == len(wanted)
        expect(is_long, f"{what} is {seen!r}, wanted {len(wanted)} entries like {wanted!r}")
        for index, (one, other) in enumerate(zip(seen, wanted, strict=True)):
            same(one, other, f"{what}[{index}]")
    elif isinstance(wanted, set | frozenset):
        expect(seen in wanted, f"{what} is {seen!r}, wanted one of {sorted(wanted)}")
    else:
        expect(seen == wanted, f"{what} is {seen!r}, wanted {wanted!r}")


def _same_fields(seen: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
    for name, value in wanted.items():
        if value is ABSENT:
            expect(name not in seen, f"{what}.{name} is {seen.get(name)!r}, wanted it absent")
        else:
            expect(name in seen, f"{what}.{name} is missing")
            same(seen[name], value, f"{what}.{name}")
