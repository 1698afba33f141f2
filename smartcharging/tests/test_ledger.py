"""The limit holds whatever breaks: single rules, and a machine that breaks everything in any order."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from smartcharging.allocation import Network, share
from smartcharging.ledger import FLOOR_A, Ledger, Order, Outlet, Trust
from smartcharging.trial import Faults, Message, SimCharger, Trial


def site(limit_a=40.0, count=2, **fields):
    outlets = [Outlet(n, 32.0, **{"default_a": 0.0, "in_session": True, **fields}) for n in range(count)]
    return Ledger(Network(np.ones((1, count)), np.array([limit_a])), outlets)


def go(ledger, targets, now, *, confirmed=True):
    """Decide, book and (unless lost) confirm; what was sent as (index, kind, limit)."""
    sent = ledger.decide(np.array(targets, float), now)
    for number, order in enumerate(sent, start=int(now * 100)):
        ledger.send(order, number, now)
        if confirmed:
            ledger.outlets[order.index].slot(order.kind).confirm(number)
    return [(order.index, order.kind, order.limit_a) for order in sent]


def test_a_session_gets_its_floor_and_a_lease_on_top():
    assert go(site(), [20, 0], 0) == [(0, "floor", 6), (0, "lease", 20)]


def test_a_raise_waits_until_what_others_give_up_is_confirmed():
    ledger = site()
    go(ledger, [32, 0], 0)
    assert go(ledger, [20, 20], 10, confirmed=False) == [(0, "lease", 20), (1, "floor", 6), (1, "lease", 8)]
    ledger.outlets[0].lease.confirm(1000)
    assert go(ledger, [20, 20], 20)[0] == (1, "lease", 20)


def test_a_lost_reduction_frees_nothing_before_the_old_lease_is_over():
    ledger = site()
    go(ledger, [32, 0], 0)
    go(ledger, [6, 0], 10, confirmed=False)
    assert ledger.worst_a(300)[0] == 32
    assert ledger.worst_a(310)[0] == 6  # the lease, its margin, then the floor


def test_a_lease_is_renewed_after_a_third_of_its_time():
    ledger = site()
    go(ledger, [20, 0], 0)
    assert go(ledger, [20, 0], 90) == []
    assert go(ledger, [20, 0], 100) == [(0, "lease", 20)]


def test_a_small_raise_waits_for_the_renewal_and_a_small_reduction_does_not():
    ledger = site()
    go(ledger, [20, 0], 0)
    assert go(ledger, [21, 0], 10) == []
    assert go(ledger, [19, 0], 20) == [(0, "lease", 19)]
    assert go(ledger, [20, 0], 110) == []
    assert go(ledger, [20, 0], 120) == [(0, "lease", 20)]
    assert go(ledger, [22, 0], 130) == [(0, "lease", 22)]


def test_a_refused_message_leaves_what_was_before_it():
    ledger = site()
    go(ledger, [10, 0], 0)
    ledger.send(Order(0, "lease", 30.0, 400), 77, 1)
    ledger.outlets[0].lease.refuse(77)
    assert ledger.worst_a(2)[0] == 10


def test_a_late_confirmation_of_an_older_message_changes_nothing():
    ledger = site()
    lease = ledger.outlets[0].lease
    ledger.send(Order(0, "lease", 10.0, 400), 1, 0)
    ledger.send(Order(0, "lease", 20.0, 400), 2, 1)
    lease.confirm(2)
    lease.confirm(1)
    assert ledger.worst_a(2)[0] == 20


def test_an_outlet_without_a_confirmed_default_counts_with_its_cable():
    ledger = site(default_a=None)
    assert ledger.worst_a(0).tolist() == [32, 32]
    assert go(ledger, [20, 20], 0) == []


def test_a_charger_that_takes_no_limits_counts_with_its_cable_and_the_rest_is_shared():
    ledger = site()
    ledger.outlets[0].trust = Trust.NONE
    targets = share(ledger.for_share(0), np.array([0.0, 32.0])).amperes  # who cannot be led has no say
    assert go(ledger, targets, 0) == [(1, "floor", 6), (1, "lease", 8)]


def test_a_sticky_charger_keeps_its_limit_for_ever():
    ledger = site(trust=Trust.STICKY)
    go(ledger, [20, 0], 0)
    assert ledger.worst_a(1e6)[0] == 20


def test_a_clock_far_off_makes_a_charger_sticky():
    ledger = site(skew_s=200.0)
    go(ledger, [20, 0], 0)
    assert ledger.worst_a(1e6)[0] == 20


def test_one_that_was_seen_to_disobey_counts_with_its_cable():
    ledger = site()
    go(ledger, [10, 10], 0)
    ledger.outlets[0].is_wild = True
    assert ledger.worst_a(1).tolist() == [32, 10]


def test_when_the_limit_falls_reductions_leave_at_once_and_nothing_is_raised():
    ledger = site()
    go(ledger, [20, 20], 0)
    ledger.network = Network(ledger.network.coefficients, np.array([16.0]))
    assert go(ledger, [8, 8], 10) == [(0, "lease", 8), (1, "lease", 8)]
    assert ledger.fullness(11) == 1


def test_what_does_not_fit_waits_at_nothing():
    ledger = site(limit_a=15, count=3)
    sent = go(ledger, [6, 6, 6], 0)
    assert sent == [(0, "floor", 6), (1, "floor", 6)]


def test_fullness_says_how_much_of_the_limit_the_worst_takes():
    ledger = site()
    go(ledger, [20, 10], 0)
    assert ledger.fullness(1) == pytest.approx(30 / 40)
    ledger.network = Network(ledger.network.coefficients, np.array([0.0]))
    assert ledger.fullness(1) == math.inf


# -- everything at once ------------------------------------------------------------------------------------------------

CHARGERS = 2
indexes = st.integers(0, CHARGERS - 1)


class Yard(RuleBasedStateMachine):
    """Two chargers under one limit. Messages wait in each line until a rule delivers, loses or answers them."""

    def __init__(self):
        super().__init__()
        self.now, self.number = 0.0, 0
        self.chargers = [SimCharger() for _ in range(CHARGERS)]
        outlets = [Outlet(n, 32.0, 0.0) for n in range(CHARGERS)]
        self.limit_a = 40.0
        self.ledger = Ledger(Network(np.ones((1, CHARGERS)), np.array([self.limit_a])), outlets)
        self.down: list[deque[Message]] = [deque() for _ in range(CHARGERS)]  # on their way to a charger
        self.up: list[deque[Any]] = [deque() for _ in range(CHARGERS)]  # answers and news on their way back
        self.known = [0] * CHARGERS
        self.before = 0.0

    @initialize(
        skews=st.lists(st.sampled_from([-29.0, -20.0, -8.0, 0.0, 20.0, 200.0]), min_size=CHARGERS, max_size=CHARGERS)
    )
    def set_clocks(self, skews):
        for charger, outlet, skew in zip(self.chargers, self.ledger.outlets, skews, strict=True):
            charger.skew_s = outlet.skew_s = skew

    @rule(seconds=st.sampled_from([1, 5, 10, 30, 100, 290, 400]))
    def wait(self, seconds):
        self.now += seconds

    @rule(index=indexes, offset_s=st.sampled_from([-20, -1, 1, 6, 24, 40]))
    def wait_for_the_end_of_a_lease(self, index, offset_s):
        last = self.ledger.outlets[index].lease.last
        if last is not None and math.isfinite(last.expires_at):
            self.now = max(self.now, last.expires_at + offset_s)

    @rule(wishes=st.lists(st.sampled_from([0, 6, 10, 16, 32]), min_size=CHARGERS, max_size=CHARGERS))
    def plan(self, wishes):
        upper = np.array([w if o.in_session else 0.0 for w, o in zip(wishes, self.ledger.outlets, strict=True)], float)
        targets = share(self.ledger.for_share(self.now), upper).amperes
        for order in self.ledger.decide(targets, self.now):
            self.number += 1
            self.ledger.send(order, self.number, self.now)
            message = Message(self.number, order.kind, order.limit_a, order.expires_at, self.known[order.index])
            self.down[order.index].append(message)

    @rule(index=indexes, answers=st.booleans())
    def deliver(self, index, answers):
        if self.down[index]:
            message = self.down[index].popleft()
            is_taken = self.chargers[index].take(message)
            if answers:
                self.up[index].append(("answer", message, is_taken))

    @rule(index=indexes)
    def deliver_all(self, index):
        while self.down[index]:
            self.deliver(index, answers=True)

    @rule(index=indexes)
    def go_well(self, index):
        """All that is on its way arrives, and is answered: so that what follows meets a charger in full use."""
        while self.up[index] or self.down[index]:
            self.hear(index)
            self.deliver(index, answers=True)

    @rule(index=indexes)
    def charge(self, index):
        """A car comes and gets all it wants, as on any day."""
        self.plug(index)
        self.go_well(index)
        self.plan([32] * CHARGERS)
        self.go_well(index)

    @rule(index=indexes)
    def lose(self, index):
        if self.down[index]:
            self.down[index].popleft()

    @rule(index=indexes)
    def hear(self, index):
        """What a charger has to say arrives, in its order; answers may be lost, news are repeated until heard."""
        if not self.up[index]:
            return
        what, told, is_taken = self.up[index].popleft()
        outlet = self.ledger.outlets[index]
        if what == "answer":
            slot = outlet.slot(told.kind)
            (slot.confirm if is_taken else slot.refuse)(told.number)
        elif what == "started":
            self.known[index], outlet.in_session = told, True
        else:
            self.known[index] = 0
            outlet.end_session()

    @rule(index=indexes, up=st.booleans())
    def partition(self, index, up):
        self.ledger.outlets[index].is_online = up
        if not up:
            self.down[index].clear()

    @rule(index=indexes)
    def plug(self, index):
        charger = self.chargers[index]
        if not charger.transaction:
            self.number += 1
            charger.start(self.number, 32.0)
            self.up[index].append(("started", self.number, True))

    @rule(index=indexes)
    def unplug(self, index):
        if self.chargers[index].transaction:
            self.chargers[index].stop()
            self.up[index].append(("ended", None, True))

    @rule(index=indexes, forgets=st.booleans(), ends=st.booleans())
    def reboot(self, index, forgets, ends):
        charger = self.chargers[index]
        had = charger.transaction
        charger.reboot(forgets_lease=forgets, ends=ends)
        if had and ends:
            self.up[index].append(("ended", None, True))

    @rule(limit=st.sampled_from([0.0, 10.0, 30.0, 40.0, 64.0]))
    def change_limit(self, limit):
        self.limit_a = limit
        self.ledger.network = Network(self.ledger.network.coefficients, np.array([limit]))

    @rule(index=indexes, is_wild=st.booleans())
    def be_found_out(self, index, is_wild):
        self.ledger.outlets[index].is_wild = is_wild
        self.before = math.inf  # found out, not sent: this once the worst may rise

    @invariant()
    def nobody_draws_more_than_the_ledger_says(self):
        for charger, worst in zip(self.chargers, self.ledger.worst_a(self.now), strict=True):
            assert charger.draw_a(self.now) <= worst + 1e-9

    @invariant()
    def the_worst_is_within_the_limit_or_falling_towards_it(self):
        worst = float(self.ledger.worst_a(self.now).sum())
        assert worst <= max(self.limit_a, self.before) + 1e-6
        self.before = worst

    def teardown(self):
        """The planner dies at whatever moment; what is under way arrives. After a lease all are at their floor."""
        for charger, outlet, under_way in zip(self.chargers, self.ledger.outlets, self.down, strict=True):
            for message in under_way:
                charger.take(message)
            end = self.now + self.ledger.lease_s + abs(charger.skew_s) + 10
            assert outlet.is_sticky or charger.limit_a(end) <= FLOOR_A


Yard.TestCase.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
test_the_limit_holds_whatever_breaks_in_whatever_order = Yard.TestCase


# -- a day -------------------------------------------------------------------------------------------------------------


def test_an_hour_of_faults_overloads_nothing_and_leaves_little_unused():
    outcome = Trial(faults=Faults(offline_every_s=600, outage_at_s=1800), seed=7, chargers=20, limit_a=200).run(5400)
    assert (outcome.overload_s, outcome.ledger_breaches) == (0, 0)
    assert outcome.use > 0.8


def test_the_naive_way_does_overload_so_the_trial_can_tell():
    faults = Faults(offline_every_s=600, lost_requests=0.1, outage_at_s=None)
    outcome = Trial(faults=faults, seed=7, chargers=20, limit_a=200, is_naive=True).run(5400)
    assert outcome.overload_s > 0


def test_when_the_planner_dies_everybody_is_at_the_floor_after_a_lease():
    faults = Faults(outage_at_s=2000, outage_s=math.inf)
    trial = Trial(faults=faults, seed=3, chargers=20, limit_a=200)
    outcome = trial.run(2000 + 300 + 10)
    assert all(charger.limit_a(2310) <= FLOOR_A for charger in trial.chargers)
    assert outcome.overload_s == 0
