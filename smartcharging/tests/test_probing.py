"""A charger is tried: a short limit, its composite, its meter; and it is trusted as far as it deserves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chargers import commands
from chargers.models import Command, CommandStatus
from smartcharging import planning, probing, profiles, readback
from smartcharging.models import LimitNode, Outlet, Probe
from smartcharging.schedules import Profile
from smartcharging.tests.test_planning import Yard


class Trial(Yard):
    def __init__(self, make_charger):
        super().__init__(make_charger)
        self.settle_in()
        self.outlet = Outlet.objects.select_related("charger", "node").get(pk=self.outlets[0].pk)
        Outlet.objects.filter(pk=self.outlet.pk).update(trust="C")

    def start(self):
        probing.start(self.outlet, why="alice", at=self.at)

    def go_on(self, later_s=5):
        self.at += timedelta(seconds=later_s)
        probing.advance(at=self.at)

    def set(self, status=CommandStatus.ACCEPTED):
        self._settle(Command.objects.get(verb="set_profile", requested_via="probe"), status)
        self.go_on()

    def tell(self, *periods, refuses=False):
        command = Command.objects.get(verb="composite_schedule", status=CommandStatus.PENDING)
        if not refuses:
            schedule = {"unit": "A", "periods": [{"start_s": at, "limit": limit} for at, limit in periods]}
            readback.composite_told(command, evse_id=1, schedule=schedule, begins_at=self.at, at=self.at)
        self._settle(command, CommandStatus.REJECTED if refuses else CommandStatus.ACCEPTED)
        self.go_on()

    def _settle(self, command, status):
        Command.objects.filter(pk=command.pk).update(status=CommandStatus.SENT, sent_at=self.at)
        commands.settle(command.pk, status=status, answer={"status": status.capitalize()}, at=self.at)

    @property
    def verdict(self):
        probe = Probe.objects.get()
        assert probe.state == "done"
        return Outlet.objects.get(pk=self.outlet.pk).trust, " ".join(probe.reasons)


@pytest.fixture
def trial(make_charger):
    return Trial(make_charger)


def test_a_limit_that_is_shown_with_its_end_and_is_gone_then_is_worth_an_a(trial):
    trial.start()
    told = Command.objects.get(requested_via="probe").arguments["profile"]
    assert (told["purpose"], told["duration_s"], told["periods"]) == ("tx_default", 150, [{"start_s": 0, "limit": 6.0}])
    trial.set()
    trial.tell((0, 6), (85, 0))
    trial.go_on(later_s=120)
    trial.tell((0, 0))
    trust, reasons = trial.verdict
    assert trust == "A"
    assert "until the end of the limit" in reasons and "After its end it was gone." in reasons
    assert Command.objects.filter(verb="clear_profiles", requested_via="probe").count() == 1


@pytest.mark.parametrize(
    ("first", "second", "trust", "reason"),
    [
        ([(0, 6)], [(0, 6)], "B", "but not that it ends"),
        ([(0, 6), (85, 0)], [(0, 6)], "B", "the limit was still there"),
        ([(0, 32)], [(0, 32)], "C", "accepted 6 A and says that it may draw 32 A"),
        (None, None, "B", "does not say what it may draw"),
    ],
)
def test_what_it_says_of_the_limit_decides(trial, first, second, trust, reason):
    trial.start()
    trial.set()
    trial.tell(*(first or ()), refuses=first is None)
    trial.go_on(later_s=120)
    trial.tell(*(second or ()), refuses=second is None)
    assert trial.verdict[0] == trust
    assert reason in trial.verdict[1]


def test_a_refused_limit_is_a_c(trial):
    trial.start()
    trial.set(CommandStatus.REJECTED)
    assert trial.verdict[0] == "C"
    assert "refused a limit of 6 A" in trial.verdict[1]


def test_a_meter_that_shows_more_overrules_what_the_charger_says(trial):
    session = trial.come(1)
    trial.plan()
    trial.answer()
    trial.start()
    assert Command.objects.get(requested_via="probe").arguments["profile"]["session_id"] == session.pk
    trial.set()
    trial.tell((0, 6), (85, 32))
    trial.meter(session, 20.0, later_s=40)
    trial.go_on(later_s=80)
    trial.tell((0, 32))
    assert trial.verdict == ("C", trial.verdict[1])
    assert "Its meter showed 20 A while 6 A held." in trial.verdict[1]


def test_it_is_not_tried_where_the_site_has_no_room_or_the_charger_is_away(trial):
    Outlet.objects.update(trust="A")
    LimitNode.objects.update(l1_a=5, l2_a=5, l3_a=5)
    with pytest.raises(probing.NotNow, match="no 6 A free"):
        trial.start()
    trial.outlet.charger.is_online = False
    with pytest.raises(probing.NotNow, match="not online"):
        trial.start()
    assert not Probe.objects.exists()


def test_new_firmware_is_believed_less_and_tried_anew(trial):
    trial.start()
    trial.set()
    trial.tell((0, 6), (85, 0))
    trial.go_on(later_s=120)
    trial.tell((0, 0))
    assert probing.after_firmware(at=trial.at) == 0
    trial.outlet.charger.firmware_version = "9.9"
    trial.outlet.charger.save()
    assert probing.after_firmware(at=trial.at) == 1
    assert Outlet.objects.get(pk=trial.outlet.pk).trust == "B"
    assert set(Probe.objects.values_list("why", flat=True)) == {"alice", "new firmware 9.9"}
    assert probing.after_firmware(at=trial.at) == 0


# -- what else may raise a charger -------------------------------------------------------------------------------------


def order(yard, number=5, limit=25.0, **fields):
    profile = {"id": number, "stack_level": 3, "purpose": "tx_default", "unit": "A",
               "periods": [{"start_s": 0, "limit": limit}], **fields}  # fmt: skip
    return commands.request(yard.outlets[0].charger, "set_profile", arguments={"evse_id": 1, "profile": profile})


@pytest.mark.parametrize("status", ["pending", "sent", "timeout"])
def test_a_profile_of_the_staff_counts_before_the_charger_confirms_it(trial, status):
    Outlet.objects.update(trust="A")
    Command.objects.filter(pk=order(trial).pk).update(status=status)
    trial.plan(later_s=1)
    assert trial.state.fullness == pytest.approx(25 / 40)


def carry(yard, *, raw=None, **fields):
    """An order that brings a limit of 25 A along, in another way than `set_profile`."""
    charger = yard.outlets[0].charger
    if raw is not None:  # as `gateway.delivery` leaves it when it goes out
        command = commands.request(charger, action=raw, payload={})
        Command.objects.filter(pk=command.pk).update(arguments=fields, status="sent")
        return command
    return commands.request(charger, "remote_start", arguments={"token": "x", **fields})


PROFILE_25 = {"id": 5, "purpose": "tx", "unit": "A", "periods": [{"start_s": 0, "limit": 25}]}


@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        (None, {"evse_id": 1, "profile": PROFILE_25}),
        (None, {"profile": PROFILE_25}),  # wherever the car stands
        ("SetChargingProfile", {"evse_id": 1, "profile": {"id": 5, "purpose": "tx_default", "schedules": [
            {"unit": "A", "periods": [{"start_s": 0, "limit": 6}]},
            {"unit": "W", "periods": [{"start_s": 0, "limit": 25 * 690}]}]}}),
    ],
)  # fmt: skip
def test_a_limit_that_comes_with_a_start_or_a_raw_order_counts_as_well(trial, raw, arguments):
    Outlet.objects.update(trust="A")
    carry(trial, raw=raw, **arguments)
    trial.plan(later_s=1)
    assert trial.state.fullness == pytest.approx(25 / 40)


def test_a_start_that_nobody_followed_counts_no_more(trial):
    Outlet.objects.update(trust="A")
    Command.objects.filter(pk=carry(trial, profile=PROFILE_25).pk).update(
        status="timeout", created_at=trial.at - timedelta(minutes=30)
    )
    trial.plan(later_s=1)
    assert trial.state.fullness == 0


def test_new_powers_for_a_dynamic_profile_count_from_their_order_on(trial):
    Outlet.objects.update(trust="A")
    charger = trial.outlets[0].charger
    told = {"unit": "A", "periods": [{"start_s": 0, "limit": 8.0}]}
    dynamic = Profile(5, 3, "tx_default", "dynamic", schedules=[told])
    # Long before the order, which has the time of the wall clock.
    profiles.install(charger, dynamic, evse_id=1, at=trial.at - timedelta(days=1))
    trial.plan(later_s=1)
    assert trial.state.fullness == pytest.approx(8 / 40)
    commands.request(charger, "update_schedule", arguments={"profile_id": 5, "limit": 30})
    trial.plan(later_s=1)
    assert trial.state.fullness == pytest.approx(30 / 40)


def test_one_that_was_refused_or_only_lowers_does_not(trial):
    Outlet.objects.update(trust="A")
    Command.objects.filter(pk=order(trial).pk).update(status="timeout", late_answer={"status": "Rejected"})
    order(trial, number=6, purpose="charger_max")
    trial.plan(later_s=1)
    assert trial.state.fullness == 0


def test_another_default_is_told_again_a_higher_one_only_where_the_site_bears_it(trial):
    Outlet.objects.update(trust="A")
    plan = trial.state
    plan.default_a = 16.0
    plan.save()
    assert [(who, limit) for who, kind, limit in trial.plan(later_s=1200) if kind == "default"] == [
        ("CP-1", 16),
        ("CP-2", 16),
    ]
    trial.answer()
    trial.plan(later_s=5)
    assert trial.state.fullness == pytest.approx(32 / 40)
    plan = trial.state
    plan.default_a = 6.0
    plan.save()
    assert {(who, limit) for who, kind, limit in trial.plan(later_s=1200) if kind == "default"} == {
        ("CP-1", 6), ("CP-2", 6), ("CP-3", 6),
    }  # fmt: skip
    assert planning.due(at=trial.at) == []
