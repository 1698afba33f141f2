"""Configuration as desired state, at the desk: from a template's form to what would be written, and back."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.utils import timezone

from chargers.desired import due, standings
from chargers.models import (
    Command,
    Refusal,
    Rollout,
    SettingQuarantine,
    SettingTemplate,
    Site,
    Standing,
    Tag,
    Twin,
    Write,
)
from chargers.tests.street import Pole, beat
from portal.tests.desk.conftest import part

INTERVAL = "MeterValueSampleInterval"
FORM = {"name": "Depot", "priority": "0", "restarts": "by_hand", "keys": f"{INTERVAL} = 30\nHeartbeatInterval = 300"}


@pytest.fixture(autouse=True)
def at_once(settings, monkeypatch):
    monkeypatch.setattr(transaction, "on_commit", lambda do, **_: do())
    settings.CONFIGURATION_TRIAL_S = 0
    settings.CHECK_SETTINGS_AFTER_BOOT = settings.CHECK_SETTINGS_NIGHTLY = False


@pytest.fixture
def pole(cp1):
    found = Pole(cp1, {"HeartbeatInterval": "300", INTERVAL: "60"})
    found.tell()
    return found


@pytest.fixture
def depot(desk, pole):
    response = desk.post("/configuration/templates/new/", {**FORM, "is_for_all": "on"})
    assert response.status_code == 302, response.content.decode()
    standings.look_due(at=timezone.now())
    return SettingTemplate.objects.get()


def digest(page: str) -> str:
    found = re.search(r'name="confirmed" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def apply(desk, query):
    page = desk.get(f"/configuration/apply/?{query}").content.decode()
    desk.post(f"/configuration/apply/?{query}", {"parallel": "5", "confirmed": digest(page)})
    return Rollout.objects.first()


def test_a_template_is_kept_with_what_it_says_and_whom_it_reaches(desk, pole):
    site, tag = Site.objects.create(name="Rathaus"), Tag.objects.create(name="pilot")
    fields = {**FORM, "sites": [site.pk], "tags": [tag.pk], "named": "cp-1", "variables": "OCPPCommCtrlr.X = 1"}
    desk.post("/configuration/templates/new/", fields)
    row = SettingTemplate.objects.get()
    assert list(row.values.values_list("dialect", "path", "value")) == [
        ("key", "HeartbeatInterval", "300"), ("key", INTERVAL, "30"), ("variable", "OCPPCommCtrlr.X", "1"),
    ]  # fmt: skip
    assert ([*row.sites.all()], [*row.tags.all()], [*row.chargers.all()]) == ([site], [tag], [pole.charger])
    assert f"{INTERVAL} = 30" in desk.get(f"/configuration/templates/{row.pk}/edit/").content.decode()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"keys": "HeartbeatInterval"}, "Line 1: &#x27;HeartbeatInterval&#x27; has no “=”"),
        ({"keys": "AuthorizationKey = x"}, "is a secret"),
        ({"keys": ""}, "wants nothing"),
        ({"keys": "A = 1\na = 2"}, "stands there twice"),
        ({"variables": "Interval = 1"}, "names no component"),
        ({"named": "CP-99"}, "There is no charger"),
    ],
)
def test_a_template_that_cannot_be_says_the_line_and_why(desk, cp1, fields, complaint):
    page = desk.post("/configuration/templates/new/", {**FORM, **fields}).content.decode()
    assert complaint in page
    assert not SettingTemplate.objects.exists()


def test_what_would_be_written_is_shown_and_written_only_when_it_is_agreed_to(desk, depot, pole):
    page = desk.get(f"/configuration/apply/?template={depot.pk}").content.decode()
    assert "1 setting of 1 charger." in page
    assert INTERVAL in page and "HeartbeatInterval" not in page
    desk.post(f"/configuration/apply/?template={depot.pk}", {"parallel": "5", "confirmed": "something else"})
    assert not Command.objects.exists()
    rollout = apply(desk, f"template={depot.pk}")
    beat(pole)
    assert pole.has[INTERVAL] == "30"
    head = part(desk, f"/configuration/rollouts/{rollout.pk}/", "rollout-head")
    assert "1 of 1 as wanted." in head


def test_a_rollout_is_taken_back_from_its_page(desk, depot, pole):
    rollout = apply(desk, f"template={depot.pk}")
    beat(pole)
    page = desk.get(f"/configuration/rollouts/{rollout.pk}/take-back/").content.decode()
    assert "Write back 1 setting" in page
    desk.post(f"/configuration/rollouts/{rollout.pk}/take-back/", {"confirmed": digest(page)})
    beat(pole)
    assert pole.has[INTERVAL] == "60"
    assert "taken back by" in part(desk, f"/configuration/rollouts/{rollout.pk}/", "rollout-head")


def test_what_differs_is_shown_with_its_reason_and_found_by_the_filter(desk, depot, pole):
    apply(desk, f"template={depot.pk}")
    beat(pole)
    pole.has[INTERVAL] = "900"
    pole.tell()
    beat()
    rows = part(desk, "/configuration/differences/?reason=drift&q=CP-1", "rows")
    assert "Changed at the charger" in rows and "900" in rows
    assert "None matches" in part(desk, "/configuration/differences/?reason=firmware", "rows")
    wanted = part(desk, "/chargers/CP-1/configuration/", "wanted")
    assert "1 of 2 wanted settings differs" in wanted
    assert "Changed at the charger" in wanted


def test_what_a_charger_refuses_is_told_on_its_page_and_a_person_lets_it_be_tried_again(desk, depot, pole):
    pole.verdict = lambda key, value: "Rejected"
    apply(desk, f"template={depot.pk}")
    beat(pole)
    wanted = part(desk, "/chargers/CP-1/configuration/", "wanted")
    assert "It answered Rejected." in wanted
    desk.post("/chargers/CP-1/configuration/allow/", {"path": INTERVAL})
    assert not Refusal.objects.exists()
    assert Standing.objects.get(path=INTERVAL).state == "differs"


def test_a_wish_of_the_shadow_in_aws_is_ended_by_a_person_who_may(desk, depot, pole):
    Twin.objects.create(charger=pole.charger, thing="CP-1", desired={INTERVAL: "20"}, desired_version=3)
    due.note({pole.charger.pk})
    beat()
    wanted = part(desk, "/chargers/CP-1/configuration/", "wanted")
    assert "AWS IoT shadow" in wanted and "End this wish" in wanted
    desk.post("/chargers/CP-1/configuration/renounce/", {"path": INTERVAL})
    assert Twin.objects.get().desired == {}
    assert Standing.objects.get(path=INTERVAL).source == depot.name
    assert "End this wish" not in part(desk, "/chargers/CP-1/configuration/", "wanted")


def test_a_restart_is_released_from_the_queue(desk, depot, pole, start):
    pole.verdict = lambda key, value: "RebootRequired"
    apply(desk, f"template={depot.pk}")
    beat(pole)
    start(pole.charger)
    rows = part(desk, "/configuration/restarts/", "rows")
    assert INTERVAL in rows and "a car is charging" in rows
    asked = desk.post("/configuration/restarts/", {"charger": [pole.charger.pk]}).content.decode()
    assert "1 of the 1 chosen is charging; a restart may end the session." in asked
    beat(pole)
    assert Write.objects.get().status == "reboot"
    desk.post("/configuration/restarts/", {"charger": [pole.charger.pk], "confirmed": "yes"})
    beat(pole)
    assert Write.objects.get().status == "done"
    assert "No charger waits" in part(desk, "/configuration/restarts/", "rows")


def test_a_quarantine_is_shown_with_its_way_out(desk, depot, pole):
    rollout = apply(desk, f"template={depot.pk}")
    beat(pole)
    for _ in range(3):
        pole.boot()
    beat(pole)
    rows = part(desk, "/configuration/quarantine/", "rows")
    assert f"/configuration/rollouts/{rollout.pk}/take-back/" in rows
    assert "booted 3 times" in rows
    desk.post(f"/configuration/quarantine/{SettingQuarantine.objects.get().pk}/lift/")
    assert "lifted" in part(desk, "/configuration/quarantine/", "rows")


def test_a_template_is_deleted_only_by_its_name(desk, depot):
    desk.post(f"/configuration/templates/{depot.pk}/delete/", {"typed": "depot"})
    assert SettingTemplate.objects.exists()
    desk.post(f"/configuration/templates/{depot.pk}/delete/", {"typed": "Depot"})
    assert not SettingTemplate.objects.exists()


def test_bob_sees_it_all_and_writes_nothing(onlooker, desk, depot):
    for path in ("", f"templates/{depot.pk}/", "differences/", "rollouts/", "restarts/", "quarantine/"):
        page = onlooker.get(f"/configuration/{path}")
        assert page.status_code == 200
        assert "Apply:" not in page.content.decode()
    assert onlooker.get(f"/configuration/apply/?template={depot.pk}").status_code == 403
    assert onlooker.post("/configuration/restarts/", {}).status_code == 403
    assert onlooker.post("/configuration/quarantine/1/lift/").status_code == 403


def test_chargers_are_tagged_and_found_by_their_tag(desk, cp1, cp2):
    fields = {"name": "", "tags": "pilot, #depot", "registration": "accepted", "security_profile": "0"}
    desk.post("/chargers/CP-1/edit/", {**fields, "confirms_lower": "on"})
    assert sorted(cp1.tags.values_list("name", flat=True)) == ["depot", "pilot"]
    pilot = Tag.objects.get(name="pilot")
    rows = part(desk, f"/chargers/?tag={pilot.pk}", "rows")
    assert "CP-1" in rows and "CP-2" not in rows and "#pilot" in rows


def test_pages_take_as_many_queries_for_many_chargers_as_for_few(
    desk, depot, make_charger, django_assert_max_num_queries
):
    for number in range(40):
        Pole(make_charger(f"X-{number}"), {INTERVAL: "60"}).tell()
    standings.look_due(at=timezone.now())
    for path in ("", f"templates/{depot.pk}/", "differences/", f"apply/?template={depot.pk}"):
        with django_assert_max_num_queries(40):
            assert desk.get(f"/configuration/{path}").status_code == 200
