"""Who leads a site: given to its edge with the ledger, taken back with the edge's, and never both at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from chargers.models import Command, CommandStatus
from gateway.edge import brief as edge_brief
from smartcharging import handover, planning
from smartcharging.models import InstalledProfile, Leader, Limit, SitePlan, SiteSample
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


@pytest.mark.parametrize(
    "broken", [{"outlets": [{}]}, {"fullness": "much"}, {"fullness": -1}, {"fullness": float("inf")}, {"outlets": 5}]
)
def test_a_report_that_cannot_be_read_changes_nothing(yard, broken):
    yard.settle_in()
    handover.give(yard.site, at=yard.at)
    with pytest.raises((KeyError, TypeError, ValueError)):
        handover.reported(yard.site.pk, {**report(yard, is_leading=True), **broken}, at=yard.at)
    assert yard.state.edge_heard_at is None


def sample(at, since, **more):
    three = {"limit_a": [40, 40, 40], "building_a": [5, 5, 5], "cars_a": [9, 9, 9], "worst_a": [12, 12, 12]}
    return {"at": at, "since": since, **three, "cars_w": 6210.0, "queued": 1, "pauses": 0,
            "wanted_ah": 1.0, "given_ah": 0.5, "overload_s": 0.0, **more}  # fmt: skip


def test_what_the_edge_saw_over_the_day_is_added_once_however_often_it_is_told(yard):
    yard.settle_in()
    handover.give(yard.site, at=yard.at)
    begin = yard.at.timestamp() // 300 * 300
    SiteSample.objects.all().delete()
    SiteSample.objects.create(
        site=yard.site, at=datetime.fromtimestamp(begin, UTC), limit_a=[40, 40, 40], building_a=[7, 2, 2],
        cars_a=[1, 1, 1], worst_a=[1, 1, 1], wanted_ah=2.0,
    )  # fmt: skip

    def tell(*samples):
        assert handover.reported(yard.site.pk, report(yard, is_leading=True, samples=list(samples)), at=yard.at)

    first = sample(begin, begin + 60)
    tell(first)
    tell(first)  # the answer to it was lost
    tell({**first, "wanted_ah": 1.5, "pauses": 1, "cars_a": [11, 9, 9]}, sample(begin + 300, begin + 300))
    rows = list(SiteSample.objects.order_by("at").values_list("wanted_ah", "pauses", "cars_a", "building_a"))
    assert rows == [(3.5, 1, [11, 9, 9], [7, 5, 5]), (1.0, 0, [9, 9, 9], [5, 5, 5])]
    assert brief(yard).sampled == (begin + 300, begin + 300)
    tell(sample(begin + 300, begin + 420, wanted_ah=0.25))  # a new edge, without the journal of the last one
    assert SiteSample.objects.latest("at").wanted_ah == 1.25
    yard.at += timedelta(minutes=10)
    tell(sample(begin + 86_400, begin + 86_400))  # its clock is wrong
    tell(sample(begin + 600, begin + 600))
    assert SiteSample.objects.latest("at").at.timestamp() == begin + 600


@pytest.mark.parametrize("broken", [{"limit_a": [1]}, {"cars_w": float("nan")}, {"at": "noon"}])
def test_a_sample_that_cannot_be_read_changes_nothing(yard, broken):
    yard.settle_in()
    handover.give(yard.site, at=yard.at)
    told = report(yard, is_leading=True, samples=[{**sample(0.0, 0.0), **broken}])
    with pytest.raises((KeyError, TypeError, ValueError)):
        handover.reported(yard.site.pk, told, at=yard.at)
    assert yard.state.edge_heard_at is None


def test_what_left_without_an_answer_goes_along_with_its_message(yard):
    yard.settle_in()
    yard.come(1)
    yard.plan(later_s=1)
    sent = Command.objects.filter(status=CommandStatus.PENDING, requested_via="plan floor")
    sent.update(status=CommandStatus.SENT)
    handover.give(yard.site, at=yard.at)
    (told,) = brief(yard).outlets[0].entries
    assert (told["kind"], told["limit_a"], told["is_confirmed"]) == ("floor", 6.0, False)
    assert told["message_id"] == str(Command.objects.get(status=CommandStatus.SENT).pk)


def test_a_default_on_its_way_is_in_the_brief_until_it_is_answered(yard):
    yard.settle_in()
    SitePlan.objects.update(default_a=10)
    Command.objects.update(created_at=yard.at - timedelta(minutes=5))
    InstalledProfile.objects.update(installed_at=yard.at - timedelta(hours=1))  # by the clock of this test
    yard.plan(later_s=5)
    Command.objects.filter(status=CommandStatus.PENDING).update(status=CommandStatus.SENT)
    handover.give(yard.site, at=yard.at)
    assert [(outlet.default_a, outlet.default_doubt_a) for outlet in brief(yard).outlets] == [(0, 10)] * 3
    Command.objects.filter(status=CommandStatus.SENT).update(status=CommandStatus.REJECTED)
    assert [outlet.default_doubt_a for outlet in brief(yard).outlets] == [0] * 3
