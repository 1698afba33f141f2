"""Configuration as desired state by REST."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from chargers.desired import standings
from chargers.models import SettingTemplate, Tag
from chargers.tests.street import Pole, beat

INTERVAL = "MeterValueSampleInterval"
DEPOT = {
    "name": "Depot",
    "is_for_all": True,
    "values": [{"dialect": "key", "path": INTERVAL, "value": "30"}],
}


@pytest.fixture(autouse=True)
def at_once(settings, monkeypatch):
    monkeypatch.setattr(transaction, "on_commit", lambda do, **_: do())
    settings.CONFIGURATION_TRIAL_S = 0
    settings.CHECK_SETTINGS_AFTER_BOOT = settings.CHECK_SETTINGS_NIGHTLY = False


@pytest.fixture
def pole(cp1):
    found = Pole(cp1, {INTERVAL: "60"})
    found.tell()
    return found


def test_a_template_is_made_changed_and_deleted(api, cp1):
    made = api.post(
        "/api/v1/configuration-templates/", {**DEPOT, "tags": ["pilot"], "chargers": ["cp-1"]}, format="json"
    )
    assert made.status_code == 201, made.json()
    assert (made.json()["tags"], made.json()["chargers"]) == (["pilot"], ["CP-1"])
    url = f"/api/v1/configuration-templates/{made.json()['id']}/"
    changed = api.patch(url, {"values": [{"dialect": "key", "path": "A", "value": "1"}], "tags": []}, format="json")
    assert [value["path"] for value in changed.json()["values"]] == ["A"]
    assert (changed.json()["tags"], changed.json()["chargers"]) == ([], ["CP-1"])
    assert api.delete(url).status_code == 204
    assert not SettingTemplate.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        [],
        [{"dialect": "key", "path": "AuthorizationKey", "value": "x"}],
        [{"dialect": "variable", "path": "Interval", "value": "1"}],
        [{"dialect": "key", "path": "A", "value": "1"}, {"dialect": "key", "path": "a", "value": "2"}],
    ],
)
def test_a_template_that_cannot_be_is_refused(api, values):
    answer = api.post("/api/v1/configuration-templates/", {**DEPOT, "values": values}, format="json")
    assert answer.status_code == 400
    assert not SettingTemplate.objects.exists()


def test_a_template_is_applied_followed_and_taken_back(api, pole):
    template = api.post("/api/v1/configuration-templates/", DEPOT, format="json").json()["id"]
    standings.look_due(at=timezone.now())
    (row,) = api.get(f"/api/v1/configuration-standings/?template={template}&state=differs").json()["results"]
    assert (row["charger"], row["actual"], row["wanted"], row["reason"]) == ("CP-1", "60", "30", "never")
    begun = api.post(f"/api/v1/configuration-templates/{template}/apply/", {}, format="json")
    assert begun.status_code == 202
    beat(pole)
    rollout = api.get(begun.headers["Location"]).json()
    assert (rollout["status"], rollout["counts"]["done"]) == ("done", 1)
    (write,) = api.get(begun.headers["Location"] + "writes/").json()
    assert (write["old_value"], write["read_value"]) == ("60", "30")
    again = api.post(f"/api/v1/configuration-templates/{template}/apply/", {}, format="json")
    assert again.status_code == 409
    back = api.post(begun.headers["Location"] + "take-back/")
    assert back.status_code == 202
    beat(pole)
    assert pole.has[INTERVAL] == "60"
    drifted = api.get("/api/v1/configuration-standings/?is_drifted=true").json()["results"]
    assert [row["reason"] for row in drifted] == ["order"]


def test_a_rollout_is_paused_goes_on_and_is_cancelled_and_says_what_cannot_be(api, pole):
    template = api.post("/api/v1/configuration-templates/", DEPOT, format="json").json()["id"]
    url = api.post(f"/api/v1/configuration-templates/{template}/apply/", {}, format="json").headers["Location"]
    assert api.post(f"{url}pause/").json()["status"] == "paused"
    assert api.post(f"{url}pause/").status_code == 409
    assert api.post(f"{url}resume/").json()["status"] == "running"
    assert api.post(f"{url}cancel/").json()["status"] == "cancelled"
    assert api.post(f"{url}retry/").status_code == 409


def test_chargers_have_tags_and_are_found_by_them(api, cp1, cp2):
    assert api.patch("/api/v1/chargers/CP-1/", {"tags": ["pilot", "depot"]}, format="json").status_code == 200
    assert sorted(tag.name for tag in Tag.objects.all()) == ["depot", "pilot"]
    found = api.get("/api/v1/chargers/?tag=Pilot").json()["results"]
    assert [(charger["identity"], sorted(charger["tags"])) for charger in found] == [("CP-1", ["depot", "pilot"])]


def test_who_may_only_look_changes_nothing(as_user, bob, cp1):
    client = as_user(bob)
    assert client.get("/api/v1/configuration-templates/").status_code == 200
    assert client.post("/api/v1/configuration-templates/", DEPOT, format="json").status_code == 403
