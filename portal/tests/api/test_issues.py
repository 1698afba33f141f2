from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Connector
from portal.issues import watch
from portal.issues.models import Issue
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
