"""`create_charger`: what a person, or a script, gets from it."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from chargers import credentials
from chargers.models import Charger, Site

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("create_charger", *arguments, stdout=out)
    return out.getvalue()


def test_create_charger_prints_what_to_set_in_it(settings):
    settings.PUBLIC_URL = "https://csms.example"
    printed = run("CP 1", "--name", "North")
    charger = Charger.objects.get()
    password = next(line.split()[1] for line in printed.splitlines() if line.startswith("password"))
    assert credentials.matches(charger.password_hash, password.encode())
    assert "wss://csms.example/ocpp/CP%201" in printed
    assert charger.name == "North"


def test_create_charger_speaks_json():
    told = json.loads(run("CP-1", "--password", "sixteen-letters-", "--json"))
    assert (told["identity"], told["password"]) == ("CP-1", "sixteen-letters-")
    assert (told["security_profile"], told["ocpp_url"]) == (1, "ws://HOST:PORT/ocpp/CP-1")


def test_create_charger_without_password_is_profile_0():
    told = json.loads(run("CP-1", "--no-password", "--json"))
    assert (told["password"], Charger.objects.get().security_profile) == (None, 0)


def test_create_charger_puts_it_at_a_site():
    site = Site.objects.create(name="Harbour")
    run("CP-1", "--site", "Harbour")
    assert Charger.objects.get().site == site


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cp-1"], "registered already"),
        (["a/b"], "one segment of a URL"),
        (["CP-2", "--password", "x" * 65], "1 to 64"),
        (["CP-2", "--site", "Nowhere"], "no site 'Nowhere'. Known: 'Harbour'"),
        (["CP-2", "--password", "sixteen-letters-", "--no-password"], "not allowed with"),
    ],
)
def test_create_charger_says_what_is_wrong(cp1, arguments, sentence):
    Site.objects.create(name="Harbour")
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert Charger.objects.count() == 1
