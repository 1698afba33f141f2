"""Sentences that are kept: written once, in English, and read in the language of whoever reads them.

Why a charger waits, what became of a write, what a verb refuses: workers find it out, tables keep it, REST, logs and
exports give it as it stands. A page reads it with `read`: by the catalogue where the sentence is fixed, by its pattern
where figures stand in it. So nothing here depends on who happened to be asking when something was written down.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from string import Formatter

from django.utils.formats import get_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, override

# A longer text is none of ours. What is, is compared with every pattern, and one with several places takes its time.
LONGEST = 600

# The sentences with places for figures: how they look when filled in, and as they stand in the catalogue.
_PATTERNS: list[tuple[re.Pattern[str], str]] = []


def phrase(sentence: str) -> str:
    """Mark a sentence that is stored or raised as text. One with ``{places}`` is marked where a module is loaded."""
    if "{" in sentence:
        _PATTERNS.append((re.compile(_pattern(sentence), re.DOTALL), sentence))
        # The one with most words of its own fits best.
        _PATTERNS.sort(key=lambda known: -len(re.sub(r"{[^}]*}", "", known[1])))
    return sentence


def read(text: str | Promise) -> str:
    """A kept sentence, or several of them, in the language that is active; any other text as it is."""
    words = str(text)
    return _read(words, get_language() or "") if len(words) <= LONGEST else words


def in_english(words: str | Promise | Callable[[], str]) -> str:
    """What is to be kept of what would be said in the language of whoever is asking: a label, or what says one."""
    with override(None):
        return str(words() if callable(words) else words)


@lru_cache(maxsize=4096)
def _read(text: str, language: str) -> str:
    """``language`` is the active one; it stands here for the cache."""
    return _understood(text)[1]


def _understood(text: str) -> tuple[int, str]:
    """How many letters of it are known, and it as it is read: as a whole, or piece by piece, whichever knows more."""
    if not text.strip():
        return 0, text
    if (known := gettext(text)) != text:
        return len(text), known
    found = 0, text
    for pattern, sentence in _PATTERNS:
        if match := pattern.fullmatch(text):
            found = _filled(sentence, match.groups())
            break
    parts = re.split(r"((?<=[.:!?]) | · |, )", text)
    if len(parts) > 1:
        # What parts them stays as it is.
        pieces = [_understood(part) if n % 2 == 0 else (0, part) for n, part in enumerate(parts)]
        found = max(found, (sum(known for known, _ in pieces), "".join(piece for _, piece in pieces)), key=_letters)
    return found


def _letters(found: tuple[int, str]) -> int:
    return found[0]


def _pattern(sentence: str) -> str:
    return "".join(
        re.escape(words) + ("" if field is None else "(.*?)") for words, field, _, _ in Formatter().parse(sentence)
    )


def _filled(sentence: str, told: tuple[str, ...]) -> tuple[int, str]:
    """The translation of ``sentence`` with what was told in its places, which may be sentences themselves."""
    fields = [(field, spec or "") for _, field, spec, _ in Formatter().parse(sentence) if field is not None]
    values = {field: _figure(value, spec) for (field, spec), value in zip(fields, told, strict=True)}
    own = sum(len(words) for words, _, _, _ in Formatter().parse(sentence))
    return own + sum(known for known, _ in values.values()), "".join(
        words + ("" if field is None else values[field][1])
        for words, field, _, _ in Formatter().parse(gettext(sentence))
    )


def _figure(told: str, spec: str) -> tuple[int, str]:
    if spec[-1:] in ("f", "g") and get_format("DECIMAL_SEPARATOR") == ",":
        return len(told), told.translate({ord("."): ",", ord(","): "."})
    return _understood(told)
