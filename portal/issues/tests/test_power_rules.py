"""Sites that share their power: each rule opens one issue, and closes it by itself when it is proven gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone, translation

from chargers.models import Site
from chargers.sentences import read
from portal.issues.models import Issue, Note
from smartcharging import handover, obedience, planning, sites
from smartcharging.models import Outlet, SitePlan
from smartcharging.tests.test_planning import Yard

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _what_rules_say_is_read_in_german(db):
    yield
    with translation.override("de"):
        for issue in Issue.objects.all():
            assert read(issue.title) != issue.title
            assert not issue.close_reason or read(issue.close_reason) != issue.close_reason


@pytest.fixture
def yard(make_charger):
    yard = Yard(make_charger)
    yard.at = timezone.now()
    return yard


def test_a_site_whose_ledger_is_above_its_limit_is_one_issue_until_it_fits_again(yard, look):
    yard.plan()  # no default is confirmed: three cables of 32 A behind 40 A
    assert look("site_unsafe", at=yard.at + MINUTE) == [], "a moment of it is how every site begins"
    yard.plan(later_s=180)
    (issue,) = look("site_unsafe", at=yard.at)
    assert issue.title == "Yard: if everything broke now, its chargers could draw 2.40 times what the site bears."
    assert (issue.site, issue.get_severity_display()) == (yard.site, "critical")
    yard.plan(later_s=60)
    assert look("site_unsafe", at=yard.at) == [issue]
    assert Note.objects.filter(issue=issue).count() == 1, "opened once"
    yard.answer()
    yard.plan(later_s=10)
    assert look("site_unsafe", at=yard.at) == []
    issue.refresh_from_db()
    assert issue.close_reason == "At worst they draw 0 % of what the site bears."


def test_where_nothing_may_flow_no_number_says_how_many_times_that_is(yard, look):
    sites.limited(yard.site, source="grid", limit_w=0, from_at=yard.at, to_at=None, at=yard.at)
    yard.plan()
    yard.plan(later_s=180)
    (issue,) = look("site_unsafe", at=yard.at)
    assert issue.title == "Yard: if everything broke now, its chargers could draw where nothing may flow."


def test_a_limit_that_falls_below_what_may_be_drawn_counts_from_that_moment(yard, look):
    yard.settle_in()
    yard.come(1)
    yard.plan(later_s=1)
    yard.answer()
    yard.plan(later_s=100)
    assert yard.state.unsafe_since is None
    sites.limited(yard.site, source="grid", limit_w=6900, from_at=yard.at, to_at=None, at=yard.at)
    yard.plan(later_s=10)
    assert yard.state.unsafe_since == yard.at
    yard.plan(later_s=10)
    assert yard.state.unsafe_since == yard.at - timedelta(seconds=10)
    SitePlan.objects.update(is_on=False)
    assert look("site_unsafe", at=yard.at + 5 * MINUTE) == []


def test_an_edge_that_leads_and_is_not_heard_is_an_issue_also_if_it_never_spoke(yard, look):
    yard.settle_in()
    handover.give(yard.site, at=yard.at, by="alice")
    assert look("edge_silent", at=yard.at + 4 * MINUTE) == []
    (issue,) = look("edge_silent", at=yard.at + 6 * MINUTE)
    assert issue.title == "The edge of Yard leads it and has not been heard for 6 min."
    assert issue.evidence[0]["text"] == "It was told to lead, or to stop, and has not been heard since."
    SitePlan.objects.update(edge_heard_at=yard.at + 7 * MINUTE)
    assert look("edge_silent", at=yard.at + 8 * MINUTE) == []
    (again,) = look("edge_silent", at=yard.at + 20 * MINUTE)
    assert (again.pk, again.times) == (issue.pk, 2), "a link that flaps is one story"
    handover.take(yard.site, at=yard.at + 21 * MINUTE, is_edge_off=True, by="alice")
    assert look("edge_silent", at=yard.at + 21 * MINUTE) == []
    issue.refresh_from_db()
    assert issue.close_reason == "No edge leads it any more."


def test_a_meter_that_spoke_once_and_fell_silent_is_an_issue(yard, look):
    other = Site.objects.create(name="Without a meter")
    SitePlan.objects.create(site=other, is_on=True)
    SitePlan.objects.filter(site=yard.site).update(building_worst_a=[30, 20, 10])
    sites.building_told(yard.site, [1, 2, 3], measured_at=yard.at, at=yard.at)
    assert look("meter_silent", at=yard.at + 9 * MINUTE) == []
    (issue,) = look("meter_silent", at=yard.at + 11 * MINUTE)
    assert issue.title == "The meter of the building of Yard has been silent for 11 min."
    assert issue.evidence[1]["text"] == "Until it speaks again the building counts with its worst, 30, 20, 10 A."
    sites.building_told(yard.site, [1, 2, 3], measured_at=yard.at + 12 * MINUTE, at=yard.at + 12 * MINUTE)
    assert look("meter_silent", at=yard.at + 13 * MINUTE) == []


def test_behind_a_link_that_is_cut_the_edge_is_the_issue_and_not_the_meter(yard, look):
    yard.settle_in()
    sites.building_told(yard.site, [1, 2, 3], measured_at=yard.at, at=yard.at)
    handover.give(yard.site, at=yard.at)
    (meter,) = look("meter_silent", at=yard.at + 11 * MINUTE)
    look("edge_silent", at=yard.at + 12 * MINUTE)
    assert [issue.rule for issue in look("meter_silent", at=yard.at + 13 * MINUTE)] == ["edge_silent"]
    meter.refresh_from_db()
    assert meter.close_reason == "Part of a larger loss, which has an issue of its own."


def test_a_charger_that_draws_more_than_it_may_is_an_issue_until_it_is_led_again(yard, look):
    yard.settle_in()
    session = yard.come(1)
    for _ in range(3):
        yard.plan(later_s=1)
        yard.answer()
        yard.meter(session, 60.0, later_s=30)
    yard.plan(later_s=1)
    (issue,) = look("charger_wild", at=yard.at)
    assert issue.title == "CP-1, connector 1, draws more than it may."
    assert (issue.charger, issue.site) == (session.charger, yard.site)
    obedience.trust_again(Outlet.objects.get(is_wild=True), by="alice", at=yard.at)
    assert look("charger_wild", at=yard.at + MINUTE) == []
    issue.refresh_from_db()
    assert issue.close_reason == "It is led again."


def test_a_site_that_nobody_plans_is_an_issue_and_one_that_cannot_be_says_why(yard, look):
    yard.settle_in()
    assert look("site_unplanned", at=yard.at + 4 * MINUTE) == []
    (issue,) = look("site_unplanned", at=yard.at + 7 * MINUTE)
    assert issue.title == "Yard shares its power and is not planned: no plan for 7 min."
    yard.plan(later_s=8 * 60)
    assert look("site_unplanned", at=yard.at) == []
    yard.root.below.create(site=yard.site, name="Panel", l1_a=99)
    planning.plan_site(yard.site.pk, at=yard.at + 10 * MINUTE)
    (issue,) = look("site_unplanned", at=yard.at + 10 * MINUTE)
    assert issue.title.startswith("Yard shares its power and is not planned: no plan for 10 min. 'Panel' bears 99 A")
