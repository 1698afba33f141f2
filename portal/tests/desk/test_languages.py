"""Pages in the reader's language; machines, and numbers for machines, in none."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.template import engines
from django.test import Client
from django.utils import timezone, translation

from chargers.models import Site
from portal.issues import watch
from portal.issues.models import Issue
from portal.issues.rules import RULES
from portal.views import formats
from portal.views.nouns import counted

GERMAN = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}


def written(template: str, **context: object) -> str:
    return str(engines["django"].from_string("{% load i18n humanize desk %}" + template).render(context))


def test_a_page_speaks_the_language_that_the_browser_asks_for(desk):
    assert '<html lang="en"' in desk.get("/").content.decode()
    page = desk.get("/", headers=GERMAN)
    assert page["Content-Language"] == "de"
    assert '<html lang="de"' in page.content.decode()
    assert "Ladestationen" in page.content.decode()
    assert '<html lang="en"' in desk.get("/", headers={"Accept-Language": "fr"}).content.decode()


@pytest.mark.parametrize(
    "page", ["/", "/chargers/", "/chargers/CP-1/sessions/", "/sessions/", "/sites/", "/issues/", "/jobs/"]
)
def test_a_page_listens_to_the_same_news_in_each_language(desk, cp1, start, page):
    start(cp1)
    heard = [
        re.findall(r'data-live="([^"]*)"', desk.get(page, headers=asked).content.decode()) for asked in ({}, GERMAN)
    ]
    assert heard[0] and heard[0] == heard[1]


def test_what_the_reader_chose_counts_more_and_is_kept(desk):
    chosen = desk.post("/language/", {"language": "de", "next": "/sites/"})
    assert chosen["Location"] == "/sites/"
    assert desk.cookies["django_language"]["max-age"] == 365 * 24 * 3600
    assert '<html lang="de"' in desk.get("/", headers={"Accept-Language": "en"}).content.decode()
    desk.post("/language/", {"language": "en"})
    assert '<html lang="en"' in desk.get("/", headers=GERMAN).content.decode()


def test_the_choice_goes_with_the_account_to_another_browser(desk, alice, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for language in ("de", "xx"):  # there is no such language as the second
        desk.post("/language/", {"language": language})
    alice.set_password("correct horse battery")
    alice.save()
    elsewhere = Client()
    assert '<html lang="en"' in elsewhere.get("/login/").content.decode()
    elsewhere.post("/login/", {"username": alice.get_username(), "password": "correct horse battery"})
    assert '<html lang="de"' in elsewhere.get("/").content.decode()


def test_the_choice_leads_to_no_other_host(desk):
    assert desk.post("/language/", {"language": "de", "next": "https://evil.example/"})["Location"] == "/"


@pytest.mark.django_db
def test_who_is_not_signed_in_chooses_too():
    page = Client().get("/login/", headers=GERMAN).content.decode()
    assert "Anmelden" in page
    assert re.search(r'name="language" value="en" lang="en" aria-pressed="false">English', page)


def test_machines_are_spoken_to_in_english(desk):
    wrong = desk.post("/api/v1/chargers/", {}, content_type="application/json", headers=GERMAN)
    assert wrong.json()["errors"][0]["detail"] == "This field is required."
    desk.cookies["django_language"] = "de"
    assert desk.get("/api/v1/chargers/4711/").json()["detail"] == "There is no charger '4711'."
    assert desk.get("/livez", headers=GERMAN)["Content-Language"] == "en"


def test_the_words_of_scripts_come_with_the_page(desk):
    page = desk.get("/", headers=GERMAN).content.decode()
    told = re.search(r'<script id="words" type="application/json">(.+?)</script>', page)
    assert told
    words = json.loads(told[1])
    assert words["ago"] == "vor {time}"
    assert words["map.label.other"] == "{name}, {count} Ladestationen"


def test_numbers_for_people_have_a_comma_and_those_for_machines_a_point():
    with translation.override("de"):
        assert written('<path d="M{{ x }} 0"/>', x=0.5) == '<path d="M0.5 0"/>'
        assert written('<input value="{{ x }}">', x=Decimal("1234.5")) == '<input value="1234.5">'
        assert written("{{ x|figure }} {{ n|intcomma }}", x=0.25, n=12480) == "0,25 12.480"
        assert formats.energy(1_234_567) == ("1,23", "MWh")
        assert formats.power(7400) == ("7,4", "kW")
    assert formats.number(12480.5) == "12\u202f480.5"


def test_a_sentence_takes_the_plural_of_its_number():
    sentence = "{% blocktranslate count n=n|amount %}{{ n }} x{% plural %}{{ n }} xs{% endblocktranslate %}"
    assert [written(sentence, n=n) for n in (0, 1, 12480)] == ["0 xs", "1 x", "12,480 xs"]
    assert counted("charger", 12480, is_more=True) == "12,480+ chargers"
    with translation.override("de"):
        assert written(sentence, n=12480) == "12.480 xs"
        assert [counted("charger", n) for n in (1, 2)] == ["1 Ladestation", "2 Ladestationen"]


def test_a_page_in_german_says_nothing_in_english_of_what_is_stored(desk, make_charger, plug):
    plug(make_charger("CP-1"), status="faulted", error_code="GroundFailure")
    watch.watch(at=timezone.now(), rules=list(RULES.values()))
    for path in ("/", "/issues/", "/wallboard/", f"/issues/{Issue.objects.get().pk}/"):
        page = desk.get(path, headers=GERMAN).content.decode()
        assert "Stecker 1" in page, path
        assert "on connector" not in page, path
    assert Issue.objects.get().title.startswith("CP-1: ground failure")
    assert desk.get("/api/v1/issues/", headers=GERMAN).json()["results"][0]["title"] == Issue.objects.get().title


def drawn(page: str) -> list[str]:
    page = re.sub(r'value="\w{64}"', "", page)  # CSRF tokens
    return re.findall(r' (?:d|[xyr]|c[xy]|width|height|style|value|data-chart|stroke-dash\w+)="([^"]*)"', page)


@time_machine.travel("2026-03-05T09:07:00Z", tick=False)
def test_drawings_and_inputs_are_the_same_in_every_language(desk, make_charger, plug, start):
    charger = make_charger("CP-1", site=Site.objects.create(name="Depot", latitude=53.55, longitude=9.99))
    plug(charger, status="charging", power_w=1234.5, power_at=timezone.now())
    session = start(charger, energy_wh=1234)
    site = charger.site_id
    for path in ("/", "/wallboard/", "/sites/", f"/sites/{site}/", f"/sites/{site}/edit/", f"/sessions/{session.pk}/"):
        english, german = (desk.get(path, headers={"Accept-Language": language}) for language in ("en", "de"))
        assert drawn(german.content.decode()) == drawn(english.content.decode()), path
        assert drawn(german.content.decode())


def test_times_are_told_as_the_language_does():
    at = timezone.now().replace(year=2024, month=3, day=5, hour=9, minute=7, second=0)
    assert formats.clock(at) == "2024-03-05 09:07"
    with translation.override("de"):
        assert formats.clock(at) == "05.03.2024 09:07"
        assert formats.absolute(at) == "05.03.2024 09:07:00 UTC"
        assert formats.ago(timezone.now() - timedelta(minutes=3)) == "vor 3 min"
        assert formats.duration(timedelta(days=4, hours=3)) == "4 T 3 h"
