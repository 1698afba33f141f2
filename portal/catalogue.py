"""The catalogues of translations: what the sources say in English, beside what each language says for it.

Sources are read with Python alone, so nobody needs GNU gettext. Knows files and nothing of requests; `polib`, which
writes catalogues, comes with requirements-dev.txt. How to add a language: docs/extending.md.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation.template import templatize

if TYPE_CHECKING:
    import polib

ROOT = Path(settings.BASE_DIR)
PYTHON = ("chargers", "sessions", "smartcharging", "portal")
PAGES = (ROOT / "templates", ROOT / "portal/templates")
PACKS = ROOT / "chargers/packs"
NOT_SHOWN = {"tests", "migrations", "bench", "certify", "chaos", "capacity", "supervisor", "management", "api", "aws"}
# Sources of the second catalogue; all others, and what both say, belong to the first. One would do, two are easier to
# work on side by side: the desk, and what stands in the yard.
YARD = re.compile(
    r"(chargers|sessions|smartcharging)/"
    r"|templates/(campaigns|chargers?|desired|files|profiles|reservations|sessions|sites|tokens)/"
    r"|portal/(views|forms)/(black_box|campaigns|chargers?|charger_page|charging|configuration|desired|energy|firmware"
    r"|images|link|local_lists|monitoring|power|profiles|reservations|ribbon|rollouts|security|sessions|site_day"
    r"|site_lead|site_tree|sites|stairs|tariffs|tokens|told|uploads)\.py"
)

NAMES = ("desk", "yard")  # folders under `locale/`

# Of each function that marks a sentence: does it begin with a context, has it a plural.
MARKS = {
    f"{'n' * has_plural}{'p' * has_context}gettext{lazy}": (has_context, has_plural)
    for has_context in (False, True)
    for has_plural in (False, True)
    for lazy in ("", "_lazy", "_noop")
} | {"_": (False, False), "phrase": (False, False)}
_CALL = re.compile(rf"(?<![\w.])({'|'.join(MARKS)})\(")
_LITERAL = re.compile(r"""\s*u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*,?""", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Sentence:
    text: str
    plural: str = ""
    context: str = ""


def in_python(source: str) -> Iterator[Sentence]:
    """What a module marks, by any name that gettext's functions are called by; only literals can be translated."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in MARKS:
            texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if texts:
                yield _sentence(name, texts)


def in_template(source: str) -> Iterator[Sentence]:
    """What a template's tags mark."""
    calls = templatize(source)
    for call in _CALL.finditer(calls):
        texts, at = [], call.end()
        while literal := _LITERAL.match(calls, at):
            texts.append(str(ast.literal_eval(literal[1])))
            at = literal.end()
        if texts:
            yield _sentence(call[1], texts)


def in_pack(source: str) -> Iterator[Sentence]:
    """What a behaviour pack says of itself to people."""
    pack = tomllib.loads(source)
    yield from (Sentence(pack["title"]), Sentence(pack["why"]))


def _sentence(name: str, texts: list[str]) -> Sentence:
    has_context, has_plural = MARKS[name]
    context = texts.pop(0) if has_context else ""
    return Sentence(texts[0], texts[1] if has_plural else "", context)


READERS = {".py": in_python, ".html": in_template, ".toml": in_pack}


def sources() -> Iterator[Path]:
    for folder in PYTHON:
        for path in (ROOT / folder).rglob("*.py"):
            if not NOT_SHOWN & set(path.relative_to(ROOT).parts):
                yield path
    for pages in PAGES:
        yield from pages.rglob("*.html")
    yield from PACKS.glob("*.toml")


def collect() -> dict[str, set[Sentence]]:
    """What each catalogue has to hold, by the name of its folder under `locale/`."""
    found: dict[str, set[Sentence]] = {name: set() for name in NAMES}
    for path in sources():
        read = READERS[path.suffix]
        room = "yard" if YARD.match(path.relative_to(ROOT).as_posix()) else "desk"
        found[room] |= set(read(path.read_text()))
    return {"desk": found["desk"], "yard": found["yard"] - found["desk"]}


def languages() -> list[str]:
    """Those that need a catalogue: all but the language of the sources."""
    return [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def path_of(catalogue: str, language: str) -> Path:
    return ROOT / "locale" / catalogue / language / "LC_MESSAGES" / "django.po"


def fresh(sentences: Iterable[Sentence], language: str, known: Iterable[polib.POEntry]) -> polib.POFile:
    """A catalogue of exactly these sentences, in their order, with the translations that are known."""
    import polib

    made = polib.POFile(wrapwidth=118)
    made.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": _plural_rule(language),
    }
    told = {(entry.msgid, entry.msgctxt or ""): entry for entry in known if entry.translated()}
    for sentence in sorted(sentences):
        entry = polib.POEntry(msgid=sentence.text, msgctxt=sentence.context or None)
        old = told.get((sentence.text, sentence.context))
        if sentence.plural:
            entry.msgid_plural = sentence.plural
            entry.msgstr_plural = dict(old.msgstr_plural) if old and old.msgstr_plural else {0: "", 1: ""}
        elif old:
            entry.msgstr = old.msgstr
        # Old and new words under the same beginning: somebody has to look.
        entry.flags = list(old.flags) if old else []
        made.append(entry)
    return made


def _plural_rule(language: str) -> str:
    """As Django's own catalogue of the language has it."""
    import polib
    from django import conf

    path = Path(conf.__file__).parent / "locale" / language.replace("-", "_") / "LC_MESSAGES/django.po"
    return str(polib.pofile(str(path)).metadata["Plural-Forms"])
