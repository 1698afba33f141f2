"""Sentences that are kept in English and read in the language of whoever reads them."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from django.conf import settings
from django.utils.translation import gettext_lazy, override

from chargers import forensics, origins, sentences
from chargers.campaigns.planning import RING_WAITS, TOO_MANY_FAILED
from chargers.desired.quarantine import BOOTED_AFTER_WRITE, IN_QUARANTINE
from smartcharging import why

ROOMS = ("chargers", "sessions", "smartcharging", "gateway", "portal")


@pytest.fixture
def german():
    with override("de"):
        yield


def test_a_sentence_is_kept_in_english_whoever_asks(german):
    assert RING_WAITS.format(ring=2, before=1) == "Ring 2 begins when ring 1 is through."
    assert sentences.in_english(gettext_lazy("Charging")) == "Charging"


def test_a_kept_sentence_is_read_in_the_readers_language(german):
    assert sentences.read("It is offline.") == "Sie ist offline."
    assert sentences.read(RING_WAITS.format(ring=2, before=1)) == "Ring 2 beginnt, wenn Ring 1 durch ist."


def test_a_reader_of_english_reads_what_is_kept():
    text = TOO_MANY_FAILED.format(failed=3, size=20, ring=1, share=15.0, most=10)
    assert sentences.read(text) == text


def test_figures_are_written_as_the_reader_writes_them(german):
    read = sentences.read(why.SHARED_OUT.format(current=12.5, limit="Panel 1"))
    assert read == "Der Standort gibt 12,5 A je Phase; Panel 1 hat nicht mehr zu teilen."


def test_a_sentence_within_a_sentence_is_read_too(german):
    booted = BOOTED_AFTER_WRITE.format(identity="CP-1", times=3, minutes=15, setting="HeartbeatInterval")
    read = sentences.read(IN_QUARANTINE.format(setting="HeartbeatInterval", kind="Acme X, firmware 1.4", why=booted))
    assert read == (
        "HeartbeatInterval ist für Acme X, firmware 1.4 in Quarantäne: "
        "CP-1 startete 3-mal binnen 15 min, nachdem HeartbeatInterval geschrieben wurde."
    )


def test_several_sentences_are_read_one_by_one(german):
    assert sentences.read("It is offline. Nothing has failed.") == "Sie ist offline. Nichts ist fehlgeschlagen."


def test_the_sentence_that_says_most_by_itself_is_taken(german):
    weak = forensics.WITHOUT_PATTERN.format(times=2.5)
    assert sentences.read(weak).startswith("Sie geht 2,5-mal am Tag ohne Muster verloren")
    assert sentences.read("It is offline. Nothing has failed.").startswith("Sie ist offline.")


def test_who_ordered_is_read_in_the_readers_language(german):
    assert sentences.read("admin, portal, job 5") == "admin, Portal, Auftrag 5"
    assert sentences.read("rest: billing") == "REST: billing"
    assert sentences.read("portal · nobody, ·, · ") == "Portal · nobody, ·, · "


def test_the_list_of_origins_is_what_orders_are_given_with():
    """By what is written as ``via=`` or ``requested_via`` anywhere; figures in it are places in the list."""
    listed = {re.sub(r"{\w+}", "{}", text) for text in origins.ORIGINS}
    given = set()
    for path in (
        path for room in ROOMS for path in Path(settings.BASE_DIR, room).rglob("*.py") if "tests" not in path.parts
    ):
        source = path.read_text()
        given |= set(re.findall(r'\b(?:via|VIA)(?:: str)? ?= ?"([^"]+)"', source))
        given |= {re.sub(r"{[^}]+}", "{}", text) for text in re.findall(r'\bvia=f"([^"]+)"', source)}
    assert given - {"plan {}"} <= listed


@pytest.mark.parametrize("text", ["", " ", "Reboot by Acme cloud", "Firmware 1.4: fixes", "<b>%s {0}</b>"])
def test_what_nobody_here_wrote_stays_as_it_is(german, text):
    assert sentences.read(text) == text


@pytest.mark.parametrize("known", [known for _, known in sentences._PATTERNS])
def test_each_sentence_with_figures_is_recognised_by_its_pattern(known):
    fields = [field for _, field, _, _ in Formatter().parse(known) if field]
    told = known
    for place, (_, field, spec, conversion) in enumerate(
        part for part in Formatter().parse(known) if part[1] is not None
    ):
        figure = f"{{{field}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}"
        told = told.replace(figure, f"<{place}>", 1)
    found = next(found for pattern, _ in sentences._PATTERNS if (found := pattern.fullmatch(told)))
    assert len(found.groups()) >= 1 and fields
