from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Charger, Connector, Site
from portal.issues import telling, watch
from portal.issues.models import Channel, Issue, RuleSetting, Telling
from portal.issues.rules import RULES
from portal.tests.desk.conftest import part


@pytest.fixture
def look(db):
    def look() -> Issue:
        watch.watch(at=timezone.now(), rules=list(RULES.values()))
        return Issue.objects.filter(closed_at=None)[0]

    return look


@pytest.fixture
def fault(cp1, plug, look):
    plug(cp1, evse_id=2, status="faulted", error_code="GroundFailure", info="31 mA")
    return look()


def act(client, issue, do, **fields):
    return client.post(f"/issues/{issue.pk}/act/", {"do": do, **fields}, follow=True).content.decode()


def test_the_list_shows_what_waits_with_the_worst_first(desk, fault, cp2, look):
    Charger.objects.filter(pk=cp2.pk).update(clock_offset_s=7200)
    look()
    rows = part(desk, "/issues/", "rows")
    assert rows.index("ground failure") < rows.index("The clock of CP-2")
    assert "2 issues</span> wait for somebody." in part(desk, "/issues/", "issues-head")


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("q=ground", True), ("q=CP-1", True), ("q=Rathaus", True), ("severity=1", True), ("severity=3", False),
        ("rule=faulted", True), ("rule=clock_skew", False), ("whose=nobody", True), ("whose=mine", False),
        ("state=closed", False), ("state=snoozed", False), ("state=new", True), ("site=99", False),
        ("severity=x&site=y&rule=z&state=w", True),
    ],
)  # fmt: skip
def test_the_url_holds_the_filters(desk, fault, query, is_shown):
    Charger.objects.update(site=Site.objects.create(name="Rathaus"))
    assert ("ground failure" in part(desk, f"/issues/?{query}", "rows")) is is_shown


def test_an_issue_says_what_it_means_what_to_do_and_who_can(desk, fault):
    page = desk.get(f"/issues/{fault.pk}/").content.decode()
    assert "Do not restart it." in page
    assert "Who can mend it: technician" in page
    assert "?do=reset" not in page


def test_a_fault_that_harms_nobody_offers_the_restart(desk, cp1, plug, look):
    plug(cp1, status="faulted", error_code="ReaderFailure")
    assert "?do=reset" in desk.get(f"/issues/{look().pk}/").content.decode()


def test_looking_after_it_shows_who(desk, fault):
    assert "seen by alice" in act(desk, fault, "acknowledge")
    assert "seen by alice" in part(desk, "/issues/", "rows")


def test_it_can_be_given_to_somebody_of_the_staff_only(desk, fault, alice, bob):
    assert "There is no such person" in act(desk, fault, "assign", to=bob.pk)
    act(desk, fault, "assign", to=alice.pk)
    assert "ground failure" in part(desk, "/issues/?whose=mine", "rows")


def test_snoozed_it_leaves_the_list_and_the_overview_until_its_time(desk, fault):
    act(desk, fault, "snooze", how_long="8h")
    assert "Nothing waits for you" in part(desk, "/issues/", "rows")
    assert "No charger needs you now." in part(desk, "/", "summary")
    assert "ground failure" in part(desk, "/issues/?state=snoozed", "rows")
    act(desk, fault, "snooze")
    assert "ground failure" in part(desk, "/issues/", "rows")


def test_a_comment_is_kept_as_it_was_written(desk, fault):
    page = act(desk, fault, "comment", text="<script>alert(1)</script>\nOn my way.")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>On my way." in page


def test_closing_by_hand_wants_a_reason(desk, fault):
    assert "Say why it is closed" in act(desk, fault, "close", text=" ")
    assert "Plug replaced." in act(desk, fault, "close", text="Plug replaced.")
    assert "It was closed meanwhile" in act(desk, fault, "acknowledge")


def test_bob_reads_and_does_nothing(onlooker, fault):
    page = onlooker.get(f"/issues/{fault.pk}/").content.decode()
    assert 'name="do"' not in page
    assert onlooker.post(f"/issues/{fault.pk}/act/", {"do": "acknowledge"}).status_code == 403
    assert onlooker.post("/issues/rules/faulted/", {}).status_code == 403
    assert onlooker.post("/issues/channels/new/", {}).status_code == 403


def test_the_overview_counts_chargers_that_need_somebody_not_issues(desk, cp1, cp2, plug, look):
    for evse_id in (1, 2, 3):
        plug(cp1, evse_id=evse_id, status="faulted", error_code="ReaderFailure")
    look()
    assert "1 of 2 chargers</a> needs you." in part(desk, "/", "summary")
    assert ">CP-1</a>" in part(desk, "/chargers/?state=attention", "rows")


def test_of_a_lost_site_each_silent_charger_needs_you(desk, make_charger, look):
    site = Site.objects.create(name="Depot Nord")
    for number in range(3):
        gone = timezone.now() - timedelta(hours=1)
        make_charger(f"CP-{number}", site=site, is_online=False, disconnected_at=gone)
    make_charger("CP-9")
    look()
    summary = part(desk, "/", "summary")
    assert "3 of 4 chargers</a> need you." in summary
    assert summary.count('<tr id="needy-') == 1


def test_the_head_of_each_page_counts_what_waits(desk, fault):
    assert ">1<span class" in desk.get("/tokens/").content.decode()
    assert "hidden" not in desk.get("/issues/count/").content.decode().split(">")[0]


def test_a_charger_shows_its_issues_and_the_fault_in_plain_words(desk, fault):
    assert "ground failure" in part(desk, "/chargers/CP-1/", "issues")
    head = part(desk, "/chargers/CP-1/", "head")
    assert "Ground failure: current flows to earth, on connector 2 (GroundFailure). Do not restart it." in head


def test_a_rule_is_switched_off_and_made_patient(desk, fault):
    desk.post("/issues/rules/charger_offline/", {"is_on": "on", "patience_min": "20"})
    assert RuleSetting.objects.get(rule="charger_offline").patience_s == 1200
    desk.post("/issues/rules/faulted/", {"patience_min": ""})
    assert Issue.objects.get().close_reason == "The rule was switched off."
    assert "20 min" in desk.get("/issues/rules/").content.decode()
    assert "There is no rule" in desk.get("/issues/rules/nonsense/", follow=True).content.decode()


def test_the_yard_may_be_told_to_do_the_first_step_and_shows_what_it_did(desk, cp1, plug, look):
    form = desk.get("/issues/rules/faulted/").content.decode()
    assert "Restart it, once no car is plugged in" in form
    assert "never where somebody could come to harm" in form
    assert 'name="step"' not in desk.get("/issues/rules/site_lost/").content.decode()
    desk.post("/issues/rules/faulted/", {"is_on": "on", "patience_min": "", "step": "unlock"})
    assert not RuleSetting.objects.exclude(step="").exists()
    desk.post("/issues/rules/faulted/", {"is_on": "on", "patience_min": "", "step": "restart"})
    assert "Restart it, once no car is plugged in" in desk.get("/issues/rules/").content.decode()
    reader = plug(cp1, evse_id=1, status="faulted", error_code="ReaderFailure")
    plug(cp1, evse_id=2, status="charging")
    fault = look()
    assert "A car is plugged in." in part(desk, f"/issues/{fault.pk}/", "issue")
    Connector.objects.exclude(pk=reader.pk).update(status="available")
    assert "It is done with the next look of the rule." in part(desk, f"/issues/{fault.pk}/", "issue")
    look()
    shown = part(desk, f"/issues/{fault.pk}/", "issue")
    assert "Done by itself" in shown and "Acted by itself" in shown


@pytest.mark.parametrize(
    ("kind", "address", "objection"),
    [
        ("mail", "nobody", "is no mailbox"),
        ("webhook", "http://169.254.169.254/latest", "not encrypted"),
        ("webhook", "https://127.0.0.1/hook", "no public address"),
        ("webhook", "ftp://x", "is not a URL"),
    ],
)
def test_an_address_that_leads_inside_or_nowhere_is_refused_with_the_reason(desk, kind, address, objection):
    form = {"name": "ops", "kind": kind, "address": address, "worst_only": "2", "language": "de", "is_on": "on"}
    assert objection in desk.post("/issues/channels/new/", form).content.decode()
    assert not Channel.objects.exists()


def test_a_channel_is_added_tested_and_deleted(desk, settings):
    settings.EMAIL_URL = "submission://x"
    form = {"name": "desk", "kind": "mail", "address": "desk@example.com", "worst_only": "2"}
    desk.post("/issues/channels/new/", {**form, "language": "de", "is_on": "on"})
    channel = Channel.objects.get()
    desk.post(f"/issues/channels/{channel.pk}/act/", {"do": "test"})
    telling.deliver(at=timezone.now())
    assert "sent" in part(desk, "/issues/channels/", "tellings")
    desk.post(f"/issues/channels/{channel.pk}/act/", {"do": "delete"})
    assert not Channel.objects.exists()


def test_what_was_given_up_can_be_told_again(desk, db):
    channel = Channel.objects.create(name="desk", kind="mail", address="desk@example.com")
    row = Telling.objects.create(
        channel=channel, event="test", status="failed", created_at=timezone.now(), due_at=timezone.now()
    )
    desk.post(f"/issues/tellings/{row.pk}/again/")
    assert Telling.objects.get().status == "pending"


def test_the_signing_key_is_shown_to_staff_only(desk, onlooker, db):
    channel = Channel.objects.create(name="ops", kind="webhook", address="https://hooks.example.com/")
    assert channel.secret in desk.get("/issues/channels/").content.decode()
    assert channel.secret not in onlooker.get("/issues/channels/").content.decode()


@pytest.mark.parametrize("page", ["/issues/", "/issues/rules/", "/issues/channels/"])
def test_pages_take_as_many_queries_for_many_issues_as_for_few(
    desk, make_charger, plug, look, page, django_assert_max_num_queries
):
    for number in range(40):
        plug(make_charger(f"CP-{number}"), status="faulted", error_code="ReaderFailure")
    look()
    with django_assert_max_num_queries(16):
        desk.get(page)
