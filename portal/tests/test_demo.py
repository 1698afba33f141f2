from __future__ import annotations

import json
import stat

import pytest
from django.core.management import call_command

from chargers import credentials
from chargers.models import Charger, Command, Site
from sessions.models import IdToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet_file(tmp_path, settings):
    settings.CHARGEYARD_HOME = tmp_path
    return tmp_path / "demo-fleet.json"


def test_the_demo_registers_twelve_chargers_that_can_log_in(fleet_file):
    call_command("demo")
    entries = json.loads(fleet_file.read_text())["chargers"]
    assert len(entries) == Charger.objects.count() == 12
    assert Site.objects.count() == 3 and {entry["ocpp"] for entry in entries} == {"1.6", "2.0.1"}
    for entry in entries:
        charger = Charger.objects.get(identity=entry["identity"])
        assert credentials.matches(charger.password_hash, entry["password"].encode())
    assert stat.S_IMODE(fleet_file.stat().st_mode) == 0o600


def test_the_demo_again_changes_nothing(fleet_file):
    call_command("demo")
    first = fleet_file.read_text()
    call_command("demo")
    assert fleet_file.read_text() == first
    assert (Charger.objects.count(), IdToken.objects.count(), Command.objects.count()) == (12, 13, 12)


def test_a_lost_fleet_file_is_written_anew_with_passwords_that_work(fleet_file):
    call_command("demo")
    fleet_file.unlink()
    call_command("demo")
    entry = json.loads(fleet_file.read_text())["chargers"][0]
    charger = Charger.objects.get(identity=entry["identity"])
    assert credentials.matches(charger.password_hash, entry["password"].encode())
