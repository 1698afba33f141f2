"""An issue's life, whatever its rule: opened once, followed, closed when proven gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Charger, Connector
from portal.issues import care, watch
from portal.issues.models import Channel, Issue, Note, RuleSetting, Telling
from portal.issues.rules import RULES
from portal.issues.signals import issue_changed


@pytest.fixture
def fault(cp1):
    return Connector.objects.create(
        charger=cp1, evse_id=2, status="faulted", error_code="GroundFailure", info="31 mA",
        status_at=timezone.now() - timedelta(minutes=1),
    )  # fmt: skip


def mend(connector: Connector, status: str = "available") -> None:
    Connector.objects.filter(pk=connector.pk).update(status=status, error_code="", info="")


def kinds(issue: Issue) -> list[str]:
    return list(issue.notes.values_list("kind", flat=True))


def test_a_condition_opens_one_issue_however_often_it_is_looked_at(fault, look):
    look()
    look()
    (issue,) = look()
    assert issue.title == "CP-1: ground failure: current flows to earth (connector 2, GroundFailure)."
    assert (issue.get_severity_display(), issue.charger, issue.evse_id, issue.times) == (
        "critical",
        fault.charger,
        2,
        1,
    )
    assert kinds(issue) == ["opened"]


def test_it_closes_by_itself_with_the_proof(fault, look):
    (issue,) = look()
    mend(fault)
    assert look() == []
    issue.refresh_from_db()
    assert issue.close_reason == "It reports Available."
    assert kinds(issue) == ["opened", "closed"]


def test_what_is_only_not_seen_any_more_stays_open(fault, look):
    look("faulted")
    mend(fault)
    Charger.objects.update(is_online=False)
    assert len(look("faulted")) == 1


def test_a_flapping_fault_is_one_issue_that_came_back(fault, look):
    look()
    mend(fault)
    look()
    Connector.objects.update(status="faulted", error_code="GroundFailure")
    (issue,) = look()
    assert issue.times == 2
    assert kinds(issue) == ["opened", "closed", "came_back"]


def test_the_same_fault_a_day_later_is_a_new_issue(fault, look):
    look()
    mend(fault)
    look()
    Connector.objects.update(status="faulted", error_code="GroundFailure")
    look(at=timezone.now() + timedelta(days=1))
    assert Issue.objects.filter(rule="faulted").count() == 2


def test_another_code_at_the_same_plug_is_a_line_in_its_history(fault, look):
    look()
    Connector.objects.update(error_code="HighTemperature")
    (issue,) = look()
    assert "too hot" in issue.title
    assert kinds(issue) == ["opened", "changed"]


def test_what_a_person_closed_is_not_opened_again_while_it_lasts(fault, look, alice):
    (issue,) = look()
    care.close(issue.pk, "The plug is being replaced.", by=alice)
    assert look() == []
    mend(fault)
    look()
    Connector.objects.update(status="faulted", error_code="GroundFailure")
    assert len(look()) == 1


def test_a_rule_that_is_off_sees_nothing_and_leaves_nothing_open(fault, look):
    (issue,) = look()
    care.decide("faulted", is_on=False, patience_s=None)
    assert look() == []
    issue.refresh_from_db()
    assert issue.close_reason == "The rule was switched off."


def test_patience_is_for_staff_to_set(cp1, look):
    Charger.objects.update(is_online=False, disconnected_at=timezone.now() - timedelta(minutes=6))
    care.decide("charger_offline", is_on=True, patience_s=600)
    assert look() == []
    care.decide("charger_offline", is_on=True, patience_s=None)
    assert len(look()) == 1


def test_a_rule_that_fails_keeps_no_other_from_looking(fault, look, monkeypatch):
    broken = RULES["charger_offline"]

    def fail(at):
        raise RuntimeError("a column is gone")

    monkeypatch.setitem(RULES, "charger_offline", replace(broken, find=fail))
    assert [issue.rule for issue in look()] == ["faulted"]


def test_between_its_rounds_a_rule_is_not_asked(fault):
    now = timezone.now()
    watch.watch(at=now)
    RuleSetting.objects.filter(rule="faulted").update(checked_at=now)
    Issue.objects.all().delete()
    watch.watch(at=now + timedelta(seconds=5))
    assert not Issue.objects.filter(rule="faulted").exists()
    watch.watch(at=now + timedelta(seconds=16))
    assert Issue.objects.filter(rule="faulted").exists()


def test_the_floors_above_hear_of_it_after_the_commit(fault, look, django_capture_on_commit_callbacks):
    heard = []
    issue_changed.connect(lambda **news: heard.append(news), weak=False, dispatch_uid="test")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            (issue,) = look()
    finally:
        issue_changed.disconnect(dispatch_uid="test")
    assert (heard[0]["issue_ids"], heard[0]["charger_ids"]) == ({issue.pk}, {fault.charger_id})


def test_channels_get_what_is_grave_enough_for_them(fault, cp1, look):
    Channel.objects.create(name="pager", kind="webhook", address="https://hooks.example", worst_only=1)
    Channel.objects.create(name="digest", kind="mail", address="desk@example.com", worst_only=3)
    Charger.objects.update(clock_offset_s=7300)
    look()
    told = list(Telling.objects.order_by("channel__name", "issue__rule").values_list("channel__name", "issue__rule"))
    assert told == [("digest", "clock_skew"), ("digest", "faulted"), ("pager", "faulted")]


@pytest.mark.parametrize("fleet", [3, 60])
def test_a_look_at_the_whole_fleet_takes_as_many_queries_for_many_as_for_few(
    make_charger, look, fleet, django_assert_max_num_queries
):
    long_ago = timezone.now() - timedelta(hours=1)
    for number in range(fleet):
        charger = make_charger(f"CP-{number}", clock_offset_s=9000)
        Connector.objects.create(charger=charger, evse_id=1, status="faulted", status_at=long_ago)
    with django_assert_max_num_queries(105):
        look()
    with django_assert_max_num_queries(105):
        assert len(look()) == 2 * fleet


def test_every_act_of_a_person_is_in_the_history(fault, look, alice, bob):
    (issue,) = look()
    care.acknowledge(issue.pk, by=alice)
    care.acknowledge(issue.pk, by=bob)
    care.assign(issue.pk, bob, by=alice)
    care.comment(issue.pk, "On my way.", by=bob)
    care.snooze(issue.pk, timezone.now() + timedelta(hours=2), by=bob)
    care.snooze(issue.pk, None, by=bob)
    care.close(issue.pk, "Plug replaced.", by=bob)
    notes = [(note.kind, note.by.username if note.by else "", note.text) for note in Note.objects.all()]
    assert [note[:2] for note in notes] == [
        ("opened", ""), ("acknowledged", "alice"), ("assigned", "alice"), ("commented", "bob"), ("snoozed", "bob"),
        ("woken", "bob"), ("closed", "bob"),
    ]  # fmt: skip
    with pytest.raises(care.AlreadyClosed, match="Plug replaced"):
        care.acknowledge(issue.pk, by=alice)
