"""Settings that are not as wanted: what becomes an issue, and by what it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.desired import quarantine
from chargers.models import Refusal, SettingQuarantine, Standing

AGO = timedelta(hours=2)


@pytest.fixture
def stands(db):
    def make(charger, path="HeartbeatInterval", **columns):
        values = {"wanted": "300", "actual": "60", "source": "Depot", "since": timezone.now() - AGO, **columns}
        return Standing.objects.create(charger=charger, path=path, **values)

    return make


def test_a_charger_that_drifted_is_one_issue_however_many_settings_and_closes_when_it_is_as_wanted(cp1, stands, look):
    for path in ("A", "B", "C", "D"):
        stands(cp1, path, state="differs", reason="charger", why="Changed at the charger.")
    (issue,) = look("configuration_drift")
    assert issue.title == "CP-1 is not set as its templates want: A, B, C and 1 more."
    assert "Changed at the charger." in issue.evidence[0]["text"]
    Standing.objects.update(state="same")
    assert look("configuration_drift") == []


def test_what_has_only_not_been_applied_and_what_differs_since_minutes_is_no_issue(cp1, stands, look):
    stands(cp1, "A", state="differs", reason="never")
    stands(cp1, "B", state="differs", reason="order", since=timezone.now() - timedelta(minutes=5))
    assert look("configuration_drift") == []


def test_a_further_setting_that_drifts_does_not_make_the_issue_flap(cp1, stands, look):
    stands(cp1, "A", state="differs", reason="charger")
    (issue,) = look("configuration_drift")
    stands(cp1, "B", state="differs", reason="charger", since=timezone.now())
    (again,) = look("configuration_drift")
    assert (again.pk, again.times) == (issue.pk, 1)
    assert again.title.endswith("A, B.")


def test_a_refused_setting_says_what_the_charger_answered(cp1, stands, look):
    stands(cp1, state="refused")
    Refusal.objects.create(
        charger=cp1, path="HeartbeatInterval", wanted="300", why="It answered Rejected.", at=timezone.now()
    )
    (issue,) = look("setting_refused")
    assert issue.title == "CP-1 does not take HeartbeatInterval."
    assert "It answered Rejected." in issue.evidence[0]["text"]


def test_a_setting_in_quarantine_is_an_issue_until_a_person_lifts_it(cp1, look, alice):
    row = SettingQuarantine.objects.create(
        vendor="Acme", model="Wallbox 22", firmware="1.0.0", path="A", path_folded="a", charger=cp1,
        why="CP-1 booted 3 times within 4 min after A was written.", opened_at=timezone.now(),
    )  # fmt: skip
    (issue,) = look("setting_quarantined")
    assert "A seems to send Acme Wallbox 22, firmware 1.0.0 into a boot loop" in issue.title
    quarantine.lift(row.pk, by=alice, at=timezone.now())
    assert look("setting_quarantined") == []
    issue.refresh_from_db()
    assert issue.close_reason == "alice lifted the quarantine."
