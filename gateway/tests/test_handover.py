"""Who leads a site: given to its edge with the ledger, taken back with the edge's, and never both at once."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from chargers.models import Command, CommandStatus
from gateway.edge import brief as edge_brief
from smartcharging import handover, planning
from smartcharging.models import InstalledProfile, Leader, Limit
from smartcharging.tests.test_planning import START, Yard


@pytest.fixture
def yard(make_charger):
    return Yard(make_charger)


def brief(yard):
    return edge_brief.read(orjson.dumps(handover.brief(yard.state, at=yard.at)))


def report(yard, *, is_leading, entries=(), transaction_id="", **more):
    outlet = {
        "charger": "CP-1", "evse_id": 1, "target_a": 10.0, "bound_by": "connection, L1", "is_queued": False,
        "is_wild": False, "worst_a": 10.0, "transaction_id": transaction_id, "entries": list(entries),
    }  # fmt: skip
    return {
        "schema": handover.REPORT, "site": yard.site.pk, "epoch": yard.state.epoch, "at": yard.at.timestamp(),
        "is_leading": is_leading, "fullness": 0.5, "outlets": [outlet], **more,
    }  # fmt: skip


def entry(kind, limit_a, yard, *, for_s=None):
    now = yard.at.timestamp()
    ends = None if for_s is None else now + for_s
    return {"kind": kind, "number": 3, "limit_a": limit_a, "sent_at": now, "expires_at": ends, "is_confirmed": True}


def test_a_site_that_its_edge_leads_is_planned_by_nobody_else(yard):
    yard.settle_in()
    yard.come(1)
    handover.give(yard.site, at=yard.at)
    assert yard.plan(later_s=5) == []
    assert yard.site.pk not in planning.due(at=yard.at + timedelta(hours=1))


def test_what_waits_in_the_outbox_is_withdrawn_and_what_left_goes_along(yard):
    yard.settle_in()
    session = yard.come(1)
    yard.plan(later_s=1)
    yard.answer(of="CP-1")
    yard.come(2)
    yard.plan(later_s=5)
    handover.give(yard.site, at=yard.at)
    assert not Command.objects.filter(status=CommandStatus.PENDING).exists()
    first, second, _ = brief(yard).outlets
    assert (first.transaction_id, first.default_a) == (session.transaction_id, 0)
    assert {(told["kind"], told["limit_a"]) for told in first.entries} >= {("floor", 6.0)}
    assert second.default_a == 0


def test_a_site_without_a_drawing_cannot_be_given(db):
    from chargers.models import Site

    with pytest.raises(handover.NotNow, match="does not share its power"):
        handover.give(Site.objects.create(name="Field"), at=START)


def test_what_others_profiles_allow_is_in_the_brief(yard):
    yard.settle_in()
    InstalledProfile.objects.create(
        charger=yard.outlets[0].charger, evse_id=1, profile_id=5, stack_level=9, purpose="tx_default", kind="absolute",
        schedules=[{"unit": "A", "periods": [{"start_s": 0, "limit": 14}]}], installed_at=yard.at,
    )  # fmt: skip
    handover.give(yard.site, at=yard.at)
    assert [outlet.others_a for outlet in brief(yard).outlets] == [14, 0, 0]


def test_each_change_of_leader_has_an_epoch_of_its_own(yard):
    yard.settle_in()
    handover.give(yard.site, at=yard.at)
    given = brief(yard)
    handover.give(yard.site, at=yard.at)
    handover.take(yard.site, at=yard.at)
    asked = brief(yard)
    assert (given.leads, asked.leads) == (True, False)
    assert asked.epoch == given.epoch + 1


def test_reports_are_shown_and_those_of_an_older_epoch_are_not(yard):
    yard.settle_in()
    handover.give(yard.site, at=yard.at)
    assert handover.reported(yard.site.pk, report(yard, is_leading=True), at=yard.at)
    yard.outlets[0].refresh_from_db()
    assert (yard.outlets[0].target_a, yard.state.fullness, yard.state.edge_heard_at) == (10.0, 0.5, yard.at)
    assert not handover.reported(yard.site.pk, report(yard, is_leading=True, epoch=0), at=yard.at)


def test_the_planner_leads_again_when_the_edge_has_stopped_and_with_its_ledger(yard):
    yard.settle_in()
    session = yard.come(1)
    handover.give(yard.site, at=yard.at)
    handover.take(yard.site, at=yard.at)
    handover.reported(yard.site.pk, report(yard, is_leading=True), at=yard.at)
    assert yard.state.leader == Leader.RETURNING
    assert yard.plan(later_s=5) == []  # it has not said that it stopped
    entries = [entry("floor", 6.0, yard), entry("lease", 31.0, yard, for_s=300)]
    told = report(yard, is_leading=False, entries=entries, transaction_id=session.transaction_id)
    assert handover.reported(yard.site.pk, told, at=yard.at)
    assert yard.state.leader == Leader.CLOUD
    assert set(Limit.objects.values_list("kind", "limit_a")) == {("floor", 6.0), ("lease", 31.0)}
    # What the edge installed there we do not know; the planner tells its defaults anew.
    Command.objects.update(created_at=yard.at - timedelta(minutes=5))  # by the clock of this test
    assert {kind for _, kind, _ in yard.plan(later_s=5)} == {"default"}


def test_the_planner_waits_for_a_session_that_only_the_edge_knows(yard):
    yard.settle_in()
    handover.give(yard.site, at=yard.at)
    handover.take(yard.site, at=yard.at)
    told = report(yard, is_leading=False, entries=[entry("floor", 6.0, yard)], transaction_id="not heard of yet")
    assert not handover.reported(yard.site.pk, told, at=yard.at)
    assert yard.state.leader == Leader.RETURNING


def test_where_the_edge_is_off_all_that_it_may_have_left_behind_counts(yard):
    yard.settle_in()
    yard.come(1)
    handover.give(yard.site, at=yard.at)
    handover.take(yard.site, at=yard.at, is_edge_off=True)
    assert yard.state.leader == Leader.CLOUD
    assert set(Limit.objects.values_list("kind", "limit_a")) == {("floor", 6.0), ("lease", 32.0)}
    yard.plan(later_s=5)
    assert yard.state.fullness > 1  # two defaults are unknown again, and a cable


@pytest.mark.parametrize("broken", [{"outlets": [{}]}, {"fullness": "much"}, {"outlets": 5}])
def test_a_report_that_cannot_be_read_changes_nothing(yard, broken):
    yard.settle_in()
    handover.give(yard.site, at=yard.at)
    with pytest.raises((KeyError, TypeError, ValueError)):
        handover.reported(yard.site.pk, {**report(yard, is_leading=True), **broken}, at=yard.at)
    assert yard.state.edge_heard_at is None
