"""A site on rows: what is ordered when a car comes, a charger obeys, refuses, falls silent or takes more."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Command, CommandStatus, Setting, Site
from chargers.rows import dated
from sessions.models import ChargingSession, MeterValue
from smartcharging import planning, profiles, sites, why
from smartcharging.models import (
    ChargingNeeds,
    InstalledProfile,
    Limit,
    LimitNode,
    Outlet,
    SitePlan,
)
from smartcharging.schedules import Profile

# Every fifth minute cars that draw less are tried with more again; these tests start after one.
START = timezone.now().replace(second=0, microsecond=0)
START += timedelta(minutes=(1 - START.minute) % 5 or 5)


class Yard:
    """Three chargers of one EVSE each behind 40 A, and a clock."""

    def __init__(self, make_charger):
        self.at = START
        self.site = Site.objects.create(name="Yard")
        SitePlan.objects.create(site=self.site, is_on=True)
        self.root = LimitNode.objects.create(site=self.site, name="connection", l1_a=40, l2_a=40, l3_a=40)
        self.outlets = [
            Outlet.objects.create(node=self.root, charger=make_charger(f"CP-{n}"), evse_id=1) for n in (1, 2, 3)
        ]

    def plan(self, *, later_s=0):
        self.at += timedelta(seconds=later_s)
        planning.plan_site(self.site.pk, at=self.at)
        return [
            (c.charger.identity, c.requested_via.removeprefix("plan "), c.arguments["profile"]["periods"][0]["limit"])
            for c in Command.objects.filter(status=CommandStatus.PENDING, verb="set_profile").order_by("created_at")
        ]

    def answer(self, status=CommandStatus.ACCEPTED, *, of=None):
        """All that waits is sent and answered; what is taken is installed, as the gateway has it."""
        for command in Command.objects.filter(status=CommandStatus.PENDING).order_by("created_at"):
            if of is not None and command.charger.identity != of:
                continue
            Command.objects.filter(pk=command.pk).update(status=CommandStatus.SENT, sent_at=self.at)
            said = {"status": "Accepted" if status == CommandStatus.ACCEPTED else "Rejected"}
            commands.settle(command.pk, status=status, answer=said, at=self.at)
            if status == CommandStatus.ACCEPTED and command.verb == "set_profile":
                told = command.arguments["profile"]
                installed = Profile(
                    told["id"], told["stack_level"], told["purpose"], told["kind"],
                    schedules=[{"unit": told["unit"], "periods": told["periods"]}],
                )  # fmt: skip
                profiles.install(command.charger, installed, evse_id=command.arguments["evse_id"], at=self.at)

    def settle_in(self):
        self.plan()
        self.answer()

    def come(self, number):
        outlet = self.outlets[number - 1]
        return ChargingSession.objects.create(
            charger=outlet.charger, evse_id=1, transaction_id=f"t{number}-{self.at.timestamp()}",
            started_at=self.at, started_received_at=self.at,
        )  # fmt: skip

    def meter(self, session, current_a, *, later_s=0):
        self.at += timedelta(seconds=later_s)
        MeterValue.objects.create(
            charger=session.charger, session=session, evse_id=1, measured_at=self.at, received_at=self.at,
            current_a=current_a, key=dated(uuid4(), self.at), digest=uuid4(),
        )  # fmt: skip

    @property
    def state(self):
        return SitePlan.objects.get(site=self.site)


@pytest.fixture
def yard(make_charger):
    return Yard(make_charger)


def test_defaults_come_first_and_nothing_is_granted_before_they_are_confirmed(yard):
    yard.come(1)
    assert yard.plan() == [("CP-1", "default", 0), ("CP-2", "default", 0), ("CP-3", "default", 0)]
    assert yard.state.fullness == pytest.approx(96 / 40)
    yard.answer(of="CP-1")
    assert ("CP-1", "floor", 6) not in yard.plan(later_s=5)  # two cables of 32 A still count
    yard.answer()
    assert ("CP-1", "lease", 32) in yard.plan(later_s=5)


def test_a_car_that_comes_takes_from_the_others_only_what_they_have_given_up(yard):
    yard.settle_in()
    yard.come(1)
    yard.plan(later_s=1)
    yard.answer()
    yard.come(2)
    assert yard.plan(later_s=10) == [("CP-1", "lease", 20), ("CP-2", "floor", 6), ("CP-2", "lease", 8)]
    yard.answer()
    assert yard.plan(later_s=10) == [("CP-2", "lease", 20)]
    assert yard.state.fullness <= 1


def test_a_lease_starts_in_the_past_and_ends_by_itself(yard):
    yard.settle_in()
    session = yard.come(1)
    yard.plan(later_s=1)
    lease = Command.objects.get(requested_via="plan lease").arguments["profile"]
    assert datetime.fromisoformat(lease["start_at"]) == yard.at - timedelta(seconds=60)
    assert (lease["duration_s"], lease["stack_level"], lease["session_id"]) == (360, 1, session.pk)
    floor = Command.objects.get(requested_via="plan floor").arguments["profile"]
    assert "duration_s" not in floor and floor["stack_level"] == 0


def test_a_lease_is_renewed_in_time_and_not_before(yard):
    yard.settle_in()
    yard.come(1)
    yard.plan(later_s=1)
    yard.answer()
    assert yard.plan(later_s=60) == []
    assert yard.plan(later_s=40) == [("CP-1", "lease", 32)]


def test_what_was_for_a_session_goes_with_it(yard):
    yard.settle_in()
    session = yard.come(1)
    yard.plan(later_s=1)
    yard.answer()
    ChargingSession.objects.filter(pk=session.pk).update(stopped_at=yard.at)
    yard.plan(later_s=5)
    assert not Limit.objects.exists()
    assert yard.state.fullness == 0


def test_whoever_does_not_fit_waits_and_reads_why(yard):
    LimitNode.objects.update(l1_a=13, l2_a=13, l3_a=13)
    yard.settle_in()
    for number in (1, 2, 3):
        yard.come(number)
    yard.plan(later_s=1)
    waiting = Outlet.objects.get(is_queued=True)
    assert (waiting.target_a, waiting.bound_by) == (0, "connection, L1")


def test_a_car_that_draws_less_gives_the_rest_to_others(yard):
    yard.settle_in()
    session = yard.come(1)
    yard.come(2)
    yard.plan(later_s=1)
    yard.answer()
    yard.meter(session, 7.0, later_s=70)
    assert yard.plan() == [("CP-1", "lease", 9)]
    yard.answer()
    assert yard.plan(later_s=5) == [("CP-2", "lease", 31)]
    yard.answer()
    assert ("CP-2", "lease", 20) in yard.plan(later_s=180)  # room is made to try the first with more again


def test_a_departure_makes_urgent_and_one_in_the_past_does_not(yard):
    yard.settle_in()
    hurried, late = yard.come(1), yard.come(2)
    for session, departs_at in ((hurried, yard.at + timedelta(hours=1)), (late, yard.at - timedelta(hours=1))):
        ChargingNeeds.objects.create(
            charger=session.charger,
            evse_id=1,
            session=session,
            energy_wh=20_000,
            departs_at=departs_at,
            told_at=yard.at,
        )
    orders = yard.plan(later_s=1)
    assert ("CP-1", "lease", 29) in orders  # 20 kWh in an hour over three phases
    assert ("CP-2", "lease", 11) in orders


def test_a_profile_of_the_staff_that_may_lead_instead_of_ours_counts(yard):
    yard.settle_in()
    own = Profile(5, 3, "tx_default", "absolute", schedules=[{"unit": "A", "periods": [{"start_s": 0, "limit": 25}]}])
    profiles.install(yard.outlets[0].charger, own, evse_id=1, at=yard.at)
    yard.plan(later_s=1)
    assert yard.state.fullness == pytest.approx(25 / 40)


def test_defaults_that_were_cleared_are_installed_again(yard):
    yard.settle_in()
    profiles.remove(yard.outlets[0].charger)
    # Long after it was told: when a command was made is a matter of the wall clock.
    assert yard.plan(later_s=1200) == [("CP-1", "default", 0)]
    assert InstalledProfile.objects.filter(charger=yard.outlets[0].charger).count() == 0


def test_a_charger_that_takes_watts_only_is_told_watts(yard):
    Setting.objects.create(
        charger=yard.outlets[0].charger, name="ChargingScheduleAllowedChargingRateUnit", value="Power",
        reported_at=yard.at,
    )  # fmt: skip
    yard.settle_in()
    yard.come(1)
    assert ("CP-1", "lease", 32 * 690) in yard.plan(later_s=1)
    yard.answer()
    yard.plan(later_s=5)
    assert yard.state.fullness == pytest.approx(32 / 40)


def test_with_a_look_ahead_a_car_that_has_time_waits_for_cheaper_hours_and_one_that_has_not_does_not(yard):
    sites.price(
        yard.site,
        [(yard.at - timedelta(hours=1), Decimal("0.50"), None), (yard.at + timedelta(hours=1), Decimal("0.10"), None)],
    )
    yard.settle_in()
    hurried, patient, silent = yard.come(1), yard.come(2), yard.come(3)
    for session, hours in ((hurried, 1), (patient, 10)):
        ChargingNeeds.objects.create(
            charger=session.charger, evse_id=1, session=session, energy_wh=6_000,
            departs_at=yard.at + timedelta(hours=hours), told_at=yard.at,
        )  # fmt: skip

    def targets(later_s):
        yard.plan(later_s=later_s)
        return list(Outlet.objects.order_by("charger__identity").values_list("target_a", flat=True))

    assert min(targets(1)) >= 6, "without it all charge at once"
    SitePlan.objects.update(looks_ahead=True)
    first, second, third = targets(10)
    assert (second, Outlet.objects.get(charger=patient.charger).bound_by) == (0, "cheaper hours to come")
    assert first >= 8 and third >= 6 and silent.is_open, "who says nothing shares as before"
    told = why.of_session(patient, at=yard.at)
    assert told is not None
    assert told.because[-1].startswith("It has time until it leaves and waits for cheaper hours; now it gets 0 A")
    assert targets(3600)[1] >= 6, "now it is cheap"


def test_an_impossible_tree_stops_the_plan_and_says_why(yard):
    LimitNode.objects.create(site=yard.site, name="panel", parent=yard.root, l1_a=100)
    assert yard.plan() == []
    assert "bears 100 A on L1, more than the 40 A" in yard.state.problem


def test_news_call_for_a_plan_once(yard, django_capture_on_commit_callbacks):
    yard.settle_in()
    planning.watch.forget()
    charger_ids = {yard.outlets[0].charger_id}
    assert planning.watch.sites_of(charger_ids) == {yard.site.pk}
    assert planning.call_for({yard.site.pk}, at=yard.at) == {yard.site.pk}
    assert planning.call_for({yard.site.pk}, at=yard.at) == set()
    assert planning.due(at=yard.at) == []
    assert planning.due(at=yard.at + timedelta(seconds=2)) == [yard.site.pk]


def test_a_site_that_is_off_is_left_alone(yard):
    SitePlan.objects.update(is_on=False)
    assert yard.plan() == []
    assert planning.due(at=yard.at + timedelta(hours=1)) == []
