"""Whose turn it is: few CALLs at once with the workers, the others in the order they came, none forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.relay import GIVE_UP_S, REPUBLISH_S, Relay
from gateway.tests.test_consumer_relay import Ends, answer, call, send
from gateway.turns import Turns


def relay_on(turns: Turns, types: frozenset[int] = frozenset({2, 3, 4, 6})) -> tuple[Relay, Ends]:
    ends = Ends()
    return Relay("CP", ends, types, turns), ends


def test_a_call_waits_while_others_are_with_the_workers_and_goes_when_one_is_answered():
    turns = Turns(1)
    (first, _), (second, ends) = relay_on(turns), relay_on(turns)
    first.from_charger(call("1"), 0)
    second.from_charger(call("2"), 0)
    assert (ends.published, turns.waiting) == ([], 1)
    first.from_csms(answer("1"), 1)
    assert (ends.published, turns.waiting) == ([call("2")], 0)


def test_who_waits_is_not_published_again_and_is_given_up_as_any_other():
    turns = Turns(1)
    (first, _), (second, ends) = relay_on(turns), relay_on(turns)
    first.from_charger(call("1"), 0)
    second.from_charger(call("2"), 0)
    second.tick(REPUBLISH_S)
    assert ends.published == []
    second.tick(GIVE_UP_S)
    assert (second.pending, turns.waiting) == (None, 0)


def test_who_is_not_answered_keeps_nobody_waiting_for_longer_than_the_repeat():
    """Behind a backend that answers only some messages the others still get through."""
    turns = Turns(1)
    (first, mine), (second, ends) = relay_on(turns), relay_on(turns)
    first.from_charger(call("1"), 0)
    second.from_charger(call("2"), 0)
    first.tick(REPUBLISH_S)
    assert (mine.published, ends.published) == ([call("1")] * 2, [call("2")])
    first.from_csms(answer("1"), REPUBLISH_S + 1)
    third, others = relay_on(turns)
    third.from_charger(call("3"), REPUBLISH_S + 1)
    assert others.published == []  # the late answer gave nothing back twice


def test_a_line_that_ends_lets_the_next_one_go_whether_it_waited_or_not():
    turns = Turns(1)
    (first, _), (second, _), (third, ends) = relay_on(turns), relay_on(turns), relay_on(turns)
    for number, relay in enumerate((first, second, third)):
        relay.from_charger(call(str(number)), 0)
    second.end(1)
    assert ends.published == []
    first.end(2)
    assert ends.published == [call("2")]


def test_a_send_stays_behind_a_call_that_waits_for_its_turn():
    turns = Turns(1)
    (first, _), (second, ends) = relay_on(turns), relay_on(turns)
    first.from_charger(call("1"), 0)
    second.from_charger(call("2"), 0)
    second.from_charger(send("3"), 0)
    assert ends.published == []
    first.from_csms(answer("1"), 1)
    assert ends.published == [call("2"), send("3")]


@given(
    at_once=st.integers(1, 3),
    steps=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["ask", "answer", "end", "tick"])), max_size=60),
)
def test_never_more_than_allowed_are_out_and_in_the_end_everybody_was_served(at_once, steps):
    turns = Turns(at_once)
    lines = [relay_on(turns) for _ in range(5)]
    asked = [0] * 5
    for which, step in steps:
        relay = lines[which][0]
        if step == "ask":
            asked[which] += 1
            relay.from_charger(call(f"{which}-{asked[which]}"), 0)
        elif step == "answer" and relay.pending and relay.pending.published_at is not None:
            relay.from_csms(answer(relay.pending.message_id), 0)
        elif step == "end":
            relay.end(0)
            lines[which] = relay_on(turns)
        else:
            relay.tick(1)
        out = sum(each.pending is not None and each.pending.published_at is not None for each, _ in lines)
        assert out <= at_once
    for _ in range(sum(asked) + 1):
        for relay, _ in lines:
            if relay.pending and relay.pending.published_at is not None:
                relay.from_csms(answer(relay.pending.message_id), 0)
    assert (turns.waiting, [relay.pending for relay, _ in lines]) == (0, [None] * 5)
