"""Nothing on a page is in English only, and each catalogue says what the sources say, whole and compiled."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest
from django.conf import settings

from portal import catalogue
from portal.tests.plain_text import plain_text

TEMPLATES = Path(settings.BASE_DIR) / "templates"
GAP = re.compile(r"%\(\w+\)[sd]|\{\w*[^{}]*\}")


def name_of(page: Path) -> str:
    return str(page.relative_to(TEMPLATES))


def catalogues(language: str) -> list[polib.POFile]:
    return [polib.pofile(str(catalogue.path_of(name, language))) for name in catalogue.NAMES]


def gaps(text: str) -> list[str]:
    return sorted(GAP.findall(text))


@pytest.mark.parametrize("page", sorted(TEMPLATES.rglob("*.html")), ids=name_of)
def test_all_that_a_template_says_can_be_translated(page):
    assert not plain_text(page.read_text())


def test_plain_english_in_a_template_is_found():
    pages = {
        "<p>Hello</p>": ["Hello"],
        '<p>{% translate "Hello" %} {{ name }} kWh</p>': [],
        '<a title="Open {{ it }}" {% if x %}class="y"{% endif %}>{{ it }}</a>': ["Open 0"],
        "{% blocktranslate %}Hello <b>{{ x }}</b>{% endblocktranslate %}": [],
        '{{ name|default:"nobody" }}{{ name|default:_("nobody") }}': ["nobody"],
        '{% sort "name" "Name" %}{% sort "name" _("Name") %}': ["Name"],
        '{% include "x.html" with word="site" look="big" %}': ["site"],
        "<code>ocpp1.6</code><svg><text>{{ n }}</text></svg>": [],
    }
    assert {page: plain_text(page) for page in pages} == pages


@pytest.mark.parametrize("language", catalogue.languages())
def test_a_catalogue_holds_all_sentences_of_the_sources_and_no_other(language):
    told = {(entry.msgid, entry.msgid_plural, entry.msgctxt or "") for file in catalogues(language) for entry in file}
    said = {
        (sentence.text, sentence.plural, sentence.context)
        for sentences in catalogue.collect().values()
        for sentence in sentences
    }
    assert told == said, "Run `python3 manage.py catalogue`."


@pytest.mark.parametrize("language", catalogue.languages())
def test_every_sentence_is_translated_with_the_gaps_that_it_has(language):
    for entry in (entry for file in catalogues(language) for entry in file):
        assert not entry.fuzzy and not entry.obsolete, entry.msgid
        texts = [text for _, text in sorted(entry.msgstr_plural.items())] if entry.msgid_plural else [entry.msgstr]
        assert all(text.strip() for text in texts), f"{entry.msgid!r} waits for its translation"
        assert gaps(texts[-1]) == gaps(entry.msgid_plural or entry.msgid), entry.msgid
        assert set(gaps(texts[0])) <= set(gaps(texts[-1])), entry.msgid


@pytest.mark.parametrize("language", catalogue.languages())
@pytest.mark.parametrize("name", catalogue.NAMES)
def test_what_is_compiled_is_what_is_written(language, name):
    path = catalogue.path_of(name, language)
    assert path.with_suffix(".mo").read_bytes() == polib.pofile(str(path)).to_binary(), "Run `manage.py catalogue`."
