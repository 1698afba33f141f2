"""What the desk forgets, and what it keeps however old it is."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from portal import retention
from portal.issues.models import Channel, Issue, Note, Severity, Telling
from portal.models import Import


def test_issues_that_were_closed_long_ago_are_forgotten_with_their_notes(cp1, settings):
    settings.ISSUE_DAYS = 30
    now = timezone.now()
    old, young = now - timedelta(days=31), now - timedelta(days=29)
    told = {"rule": "faulted", "severity": Severity.MAJOR, "charger": cp1, "title": "Fault", "seen_at": old}
    for key, closed_at, is_dismissed in (
        ("old", old, False), ("young", young, False), ("open", None, False), ("dismissed", old, True),
    ):  # fmt: skip
        issue = Issue.objects.create(
            key=key, opened_at=old - timedelta(days=9), closed_at=closed_at, is_dismissed=is_dismissed, **told
        )
        Note.objects.create(issue=issue, at=old, kind=Note.Kind.OPENED)
    assert not retention.forget_old(at=now)
    assert set(Issue.objects.values_list("key", flat=True)) == {"young", "open", "dismissed"}
    assert Note.objects.count() == 3
    settings.ISSUE_DAYS = 0
    retention.forget_old(at=now + timedelta(days=9999))
    assert Issue.objects.count() == 3


def test_a_table_that_nobody_agreed_to_is_gone_after_a_day(alice):
    kept = Import.objects.create(kind="chargers", name="a.csv", content="identity,password\nCP-1,secret\n", owner=alice)
    retention.forget_old(at=kept.created_at + timedelta(hours=23))
    assert Import.objects.exists()
    retention.forget_old(at=kept.created_at + timedelta(hours=25))
    assert not Import.objects.exists()


def test_what_a_channel_was_told_goes_with_its_issue_and_a_test_of_it_as_late(db, settings):
    settings.ISSUE_DAYS = 30
    now = timezone.now()
    channel = Channel.objects.create(name="desk", kind="mail", address="desk@example.com")
    for days in (31, 29):
        at = now - timedelta(days=days)
        Telling.objects.create(channel=channel, event="test", created_at=at, due_at=at)
    retention.forget_old(at=now)
    assert [(now - row.created_at).days for row in Telling.objects.all()] == [29]
