from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Connector
from portal.issues import telling, watch
from portal.issues.models import Channel, Issue, Telling
from portal.issues.rules import RULES


@pytest.fixture
def issue(cp1):
    Connector.objects.create(charger=cp1, evse_id=2, status="faulted", error_code="GroundFailure")
    watch.watch(at=timezone.now(), rules=[RULES["faulted"]])
    return Issue.objects.get()


def test_an_issue_tells_what_it_means_and_what_to_do(api, issue):
    (told,) = api.get("/api/v1/issues/?waiting=true").json()["results"]
    assert (told["charger"], told["severity"], told["who"]) == ("CP-1", "critical", "technician")
    assert told["first_step"].startswith("Do not restart it.")
    whole = api.get(f"/api/v1/issues/{issue.pk}/").json()
    assert [note["kind"] for note in whole["notes"]] == ["opened"]
    assert whole["evidence"][0]["text"].startswith("It reported Faulted")


@pytest.mark.parametrize(
    ("query", "count"),
    [("severity=critical", 1), ("severity=minor", 0), ("charger=cp-1", 1), ("open=false", 0), ("rule=faulted", 1)],
)
def test_issues_are_filtered(api, issue, query, count):
    assert len(api.get(f"/api/v1/issues/?{query}").json()["results"]) == count


@pytest.mark.parametrize("query", ["severity=loud", "rule=none", "waiting=perhaps"])
def test_a_filter_that_means_nothing_is_400(api, issue, query):
    assert api.get(f"/api/v1/issues/?{query}").status_code == 400


def test_a_system_looks_after_it_to_its_end(api, issue, alice):
    at = f"/api/v1/issues/{issue.pk}"
    assert api.post(f"{at}/acknowledge/").json()["acknowledged_at"]
    assert api.post(f"{at}/assign/", {"to": "alice"}).json()["assigned_to"] == "alice"
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    assert api.post(f"{at}/snooze/", {"until": until}).json()["snoozed_until"]
    assert api.post(f"{at}/comment/", {"text": "Ticket 4711."}).json()["notes"][-1]["text"] == "Ticket 4711."
    assert api.post(f"{at}/close/", {"text": "Replaced."}).json()["close_reason"] == "Replaced."
    late = api.post(f"{at}/acknowledge/")
    assert (late.status_code, late.json()["detail"]) == (409, "It was closed meanwhile: Replaced.")


def test_what_makes_no_sense_is_refused_with_the_field(api, issue):
    at = f"/api/v1/issues/{issue.pk}"
    assert api.post(f"{at}/assign/", {"to": "nobody-here"}).status_code == 400
    assert api.post(f"{at}/close/", {}).status_code == 400
    assert api.post("/api/v1/issues/99999/acknowledge/").status_code == 404


def test_a_rule_is_read_and_set(api):
    rules = {rule["name"]: rule for rule in api.get("/api/v1/issue-rules/?page_size=500").json()["results"]}
    assert rules.keys() == RULES.keys()
    assert (rules["faulted"]["step"], rules["faulted"]["steps"]) == ("", ["ask_state", "fetch_log", "restart"])
    at = "/api/v1/issue-rules/faulted/"
    told = api.patch(at, {"step": "restart", "patience_s": 90}).json()
    assert (told["is_on"], told["patience_s"], told["own_patience_s"], told["step"]) == (True, 90, 30, "restart")
    assert api.patch(at, {"patience_s": None}).json()["step"] == "restart", "what is not named stays"
    assert api.patch(at, {"step": "ask_reading"}).json()["errors"][0]["attr"] == "step"
    assert api.patch(at, {"patience_s": -1}).status_code == 400
    assert api.get("/api/v1/issue-rules/none/").status_code == 404


def test_a_rule_that_is_switched_off_closes_its_issues(api, issue):
    assert api.patch("/api/v1/issue-rules/faulted/", {"is_on": False}).json()["is_on"] is False
    assert api.get(f"/api/v1/issues/{issue.pk}/").json()["close_reason"] == "The rule was switched off."


def test_a_channel_lives_from_its_creation_to_its_end(api, settings):
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    told = api.post("/api/v1/issue-channels/", {"name": "pager", "kind": "webhook", "address": "http://127.0.0.1:9/x"})
    assert told.status_code == 201
    channel = told.json()
    assert channel["secret"].startswith("whsec_") and channel["worst_only"] == "major"
    at = f"/api/v1/issue-channels/{channel['id']}/"
    assert api.patch(at, {"worst_only": "minor", "is_on": False}).json()["worst_only"] == "minor"
    test = api.post(f"{at}test/")
    assert (test.status_code, test.json()["event"], test.json()["status"]) == (202, "test", "pending")
    telling.deliver(at=timezone.now())
    news = f"/api/v1/issue-tellings/{test.json()['id']}/"
    assert api.get(news).json()["trouble"].startswith("127.0.0.1 did not answer")
    assert api.post(f"{news}again/").status_code == 409, "it is tried again by itself"
    Telling.objects.update(status="failed")
    assert api.get(f"/api/v1/issue-tellings/?channel={channel['id']}&status=failed").json()["results"]
    assert api.post(f"{news}again/").json()["status"] == "pending"
    assert api.delete(at).status_code == 204
    assert api.get(news).status_code == 404


@pytest.mark.parametrize(
    ("kind", "address", "objection"),
    [
        ("mail", "nobody", "is no mailbox"),
        ("webhook", "http://169.254.169.254/latest", "not encrypted"),
        ("webhook", "https://127.0.0.1/hook", "no public address"),
        ("webhook", "file:///etc/passwd", "is not a URL"),
    ],
)
def test_a_channel_that_leads_inside_or_nowhere_is_refused(api, kind, address, objection):
    told = api.post("/api/v1/issue-channels/", {"name": "x", "kind": kind, "address": address})
    assert told.status_code == 400
    assert objection in told.json()["detail"]


def test_two_channels_of_one_name_are_refused_and_the_key_is_kept_from_onlookers(api, as_user, bob):
    form = {"name": "desk", "kind": "mail", "address": "desk@example.com"}
    assert api.post("/api/v1/issue-channels/", form).json()["secret"] is None
    assert api.post("/api/v1/issue-channels/", form).status_code == 400
    Channel.objects.create(name="ops", kind="webhook", address="https://hooks.example.com/")
    onlooker = as_user(bob)
    assert all(row["secret"] is None for row in onlooker.get("/api/v1/issue-channels/").json()["results"])
    assert onlooker.patch("/api/v1/issue-rules/faulted/", {"is_on": False}).status_code == 403
    assert onlooker.post("/api/v1/issue-channels/", form).status_code == 403
