"""What the yard does by itself: only where staff allow it, once, and never where somebody could come to harm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chargers.models import Alert, Charger, Command, CommandStatus, Connector
from portal.issues import care, first_steps, language
from portal.issues.models import Issue, RuleSetting
from portal.issues.rules import RULES

HARMLESS = {"error_code": "ReaderFailure"}
DANGERS = (
    {"error_code": "GroundFailure"},
    {"error_code": "HighTemperature"},
    {"error_code": "OverCurrentFailure"},
    {"error_code": "PowerSwitchFailure"},
    {"error_code": "InternalError", "vendor_error_code": "RCD_TRIP"},
    {"error_code": "ReaderFailure", "info": "cabinet overtemperature"},
    {"error_code": "OtherError", "vendor_error_code": "CX009 CX002"},
    {"error_code": "ReaderFailure", "vendor_error_code": "CX018"},
)


@pytest.fixture
def fault(cp1):
    def make(charger: Charger = cp1, evse_id: int = 1, **codes: str) -> Connector:
        since = timezone.now() - timedelta(minutes=1)
        return Connector.objects.create(
            charger=charger, evse_id=evse_id, status="faulted", status_at=since, **(codes or HARMLESS)
        )

    return make


@pytest.fixture
def allow(db):
    def allow(step: str, rule: str = "faulted") -> None:
        care.decide(rule, is_on=True, patience_s=None, step=step)

    return allow


def why(issue: Issue) -> str:
    return first_steps.standing(issue, RuleSetting.objects.get(rule=issue.rule), at=timezone.now())


def test_nothing_is_done_until_staff_say_so(fault, look):
    fault()
    (issue,) = look()
    assert why(issue) == ""
    assert not Command.objects.exists()


def test_the_step_is_done_once_and_its_order_stands_in_the_history(fault, look, allow):
    allow("restart")
    fault()
    look()
    (issue,) = look()
    (order,) = Command.objects.all()
    assert (order.verb, order.arguments, order.requested_via) == ("reset", {"kind": "soft"}, f"issue {issue.pk}")
    assert order.expires_at - order.created_at < timedelta(minutes=3), "a car may come"
    assert issue.step == order
    assert list(issue.notes.values_list("kind", "text"))[-1] == ("stepped", "Restart it, once no car is plugged in")


def test_an_issue_that_comes_back_is_left_to_people(fault, look, allow):
    allow("restart")
    plug = fault()
    look()
    Command.objects.update(status=CommandStatus.ACCEPTED)
    Connector.objects.filter(pk=plug.pk).update(status="available", error_code="")
    look()
    Connector.objects.filter(pk=plug.pk).update(status="faulted", **HARMLESS)
    (issue,) = look()
    assert issue.times == 2
    assert Command.objects.count() == 1


@pytest.mark.parametrize("codes", DANGERS)
@pytest.mark.parametrize("step", RULES["faulted"].steps)
def test_where_somebody_could_come_to_harm_nothing_is_done(fault, look, allow, codes, step):
    allow(step)
    fault(**codes)
    (issue,) = look("faulted")
    assert why(issue).startswith("Never by itself:")
    assert not Command.objects.exists()


@pytest.mark.parametrize("codes", DANGERS)
def test_the_danger_at_one_plug_keeps_the_whole_charger_and_every_rule(fault, look, allow, codes):
    allow("restart")
    allow("restart", "clock_skew")
    fault()
    fault(evse_id=2, **codes)
    Charger.objects.update(clock_offset_s=7200)
    assert len(look()) == 3
    assert not Command.objects.exists()


def test_a_danger_counts_until_it_is_proven_gone(fault, look, allow):
    plug = fault(error_code="GroundFailure")
    look()
    allow("restart", "clock_skew")
    Connector.objects.filter(pk=plug.pk).update(status="unknown", error_code="")
    Charger.objects.update(clock_offset_s=7200)
    look()
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    "alert",
    [{"severity": 0}, {"severity": 1}, {"severity": 5, "tech_code": "CX003"}, {"tech_info": "residual current 31 mA"}],
)
def test_an_open_alert_of_danger_keeps_it_back(cp1, look, allow, alert):
    allow("tell_time", "clock_skew")
    Charger.objects.update(clock_offset_s=7200)
    raised = Alert.objects.create(charger=cp1, key="0" * 32, path="A", received_at=timezone.now(), **alert)
    look("clock_skew")
    assert not Command.objects.exists()
    Alert.objects.filter(pk=raised.pk).update(cleared_at=timezone.now())
    look("clock_skew")
    assert Command.objects.get().arguments == {"message": "Heartbeat"}


@pytest.mark.parametrize(
    "codes",
    [
        {"error_code": "InternalError", "vendor_error_code": "E-017"},
        {"error_code": "InternalError", "info": "Fehlerstrom"},
        {"error_code": "InternalError", "vendor_error_code": "CX099"},
        {"error_code": "OtherError", "vendor_error_code": "0x45"},
        {"error_code": "OtherError"},
        {"error_code": ""},
    ],
)
def test_what_we_cannot_read_is_never_restarted_but_may_be_asked(fault, look, allow, codes):
    allow("restart")
    fault(**codes)
    (issue,) = look("faulted")
    assert why(issue).startswith("Not restarted by itself:")
    allow("fetch_log")
    look("faulted")
    assert Command.objects.get().verb == "fetch_logs"


@given(st.text(max_size=50), st.text(max_size=50))
def test_whatever_a_charger_adds_a_ground_failure_is_never_taken_for_harmless(vendor_code, text):
    for codes in (("GroundFailure", vendor_code, text), ("InternalError", f"{vendor_code} RCD", text)):
        meanings = language.meanings(*codes)
        assert meanings is None or any(fault.is_dangerous for fault in meanings)
        assert language.read(*codes).is_dangerous


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda issue: Charger.objects.update(is_booted=False), "offline"),
        (lambda issue: care.acknowledge(issue.pk, by=None), "Somebody looks after it"),
        (lambda issue: care.snooze(issue.pk, timezone.now() + timedelta(hours=1), by=None), "Somebody looks after it"),
        (lambda issue: Connector.objects.create(charger=issue.charger, evse_id=2, status="preparing"), "plugged in"),
    ],
)
def test_it_waits_and_says_for_what(fault, look, allow, change, reason):
    fault()
    (issue,) = look("faulted")
    change(issue)
    allow("restart")
    look("faulted")
    issue.refresh_from_db()
    assert reason in why(issue)
    assert not Command.objects.exists()


def test_it_waits_for_a_session_to_end(fault, look, allow, cp1, session):
    allow("restart")
    fault()
    running = session(cp1, timezone.now() - timedelta(hours=1))
    look("faulted")
    assert not Command.objects.exists()
    type(running).objects.update(stopped_at=timezone.now())
    look("faulted")
    assert Command.objects.get().verb == "reset"


def test_what_many_have_at_once_is_not_mended_one_by_one(fault, look, allow, make_charger):
    allow("restart")
    for number in range(first_steps.MOST_AN_HOUR + 5):
        fault(make_charger(f"CP-{number + 100}"))
    look("faulted")
    look("faulted")
    assert Command.objects.count() == first_steps.MOST_AN_HOUR
    left = Issue.objects.filter(stepped_at=None)[0]
    assert "look for what they share" in why(left)


def test_a_charger_rests_between_two_steps_whatever_the_rules(fault, look, allow):
    allow("restart")
    allow("tell_time", "clock_skew")
    fault()
    Charger.objects.update(clock_offset_s=7200)
    look()
    assert Command.objects.count() == 1
    with pytest.raises(ValueError, match="has no step"):
        care.decide("site_lost", is_on=True, patience_s=None, step="restart")
