"""Which frames go together, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.batcher import Batcher, Frame


def call(key: str, number: int = 0) -> Frame:
    return Frame(key, f'[2,"{number}","Heartbeat",{{}}]'.encode(), 0.0)


def answer(key: str, number: int = 0) -> Frame:
    return Frame(key, f'[3, "{number}",{{}}]'.encode(), 0.0)


def test_a_batch_is_due_ten_milliseconds_after_its_first_frame() -> None:
    batcher = Batcher(max_wait_s=0.010)
    batcher.add(call("a"), now=1.000)
    batcher.add(call("b"), now=1.009)
    assert batcher.take(now=1.009) == []
    assert batcher.wait_s(now=1.004) == 1.010 - 1.004
    assert batcher.take(now=1.010) == [call("a"), call("b")]


def test_a_full_batch_does_not_wait() -> None:
    batcher = Batcher(max_frames=2)
    for key in "abc":
        batcher.add(call(key), now=1.0)
    assert batcher.wait_s(now=1.0) == 0
    assert batcher.take(now=1.0) == [call("a"), call("b")]


def test_what_a_full_batch_left_is_due_at_once() -> None:
    batcher = Batcher(max_frames=2)
    for key in "abc":
        batcher.add(call(key), now=1.0)
    batcher.take(now=1.0)
    assert batcher.take(now=1.0) == [call("c")]


def test_a_charger_has_one_call_in_a_batch() -> None:
    batcher = Batcher()
    for number in (1, 2):
        batcher.add(call("a", number), now=1.0)
    batch = batcher.take(now=2.0)
    assert batch == [call("a", 1)]
    batcher.done(batch, now=3.0)
    assert batcher.take(now=3.0) == [call("a", 2)]


def test_frames_of_a_charger_in_flight_wait_for_its_batch() -> None:
    batcher = Batcher()
    batcher.add(call("a", 1), now=1.0)
    batch = batcher.take(now=2.0)
    batcher.add(call("a", 2), now=2.1)
    batcher.add(answer("a", 3), now=2.1)
    assert batcher.wait_s(now=9.0) is None
    assert batcher.take(now=9.0) == []
    batcher.done(batch, now=9.0)
    assert batcher.take(now=9.0) == [call("a", 2), answer("a", 3)]


def test_answers_ride_along_in_their_order() -> None:
    batcher = Batcher()
    frames = [answer("a", 1), call("a", 2), answer("a", 3), call("a", 4)]
    for frame in frames:
        batcher.add(frame, now=1.0)
    assert batcher.take(now=2.0) == frames[:3]


def test_what_cannot_be_told_counts_as_a_call() -> None:
    batcher = Batcher()
    broken = Frame("a", b"\xff[3", 0.0)
    for frame in (broken, broken):
        batcher.add(frame, now=1.0)
    assert batcher.take(now=2.0) == [broken]


def test_nothing_waits_when_nothing_came() -> None:
    assert Batcher().wait_s(now=1.0) is None
    assert Batcher().take(now=1.0) == []


STEPS = st.lists(st.sampled_from("abcd") | st.just("take") | st.just("done"), max_size=60)


@given(STEPS, st.integers(1, 5))
def test_every_frame_is_given_out_once_and_in_the_order_of_its_charger(steps: list[str], max_frames: int) -> None:
    batcher = Batcher(max_frames=max_frames)
    added: dict[str, list[Frame]] = {key: [] for key in "abcd"}
    given_out: dict[str, list[Frame]] = {key: [] for key in "abcd"}
    in_flight: list[list[Frame]] = []

    def take(now: float) -> None:
        batch = batcher.take(now)
        busy = {frame.key for other in in_flight for frame in other}
        assert not busy & {frame.key for frame in batch}
        for frame in batch:
            given_out[frame.key].append(frame)
        if batch:
            in_flight.append(batch)

    for now, step in enumerate(steps):
        if step == "take":
            take(float(now))
        elif step == "done" and in_flight:
            batcher.done(in_flight.pop(), float(now))
        elif step in added:
            frame = call(step, len(added[step]))
            added[step].append(frame)
            batcher.add(frame, float(now))
    while batcher.wait_s(1e9) is not None or in_flight:
        take(1e9)
        if in_flight:
            batcher.done(in_flight.pop(), 1e9)
    assert given_out == added


def test_while_a_batch_is_in_flight_the_next_one_waits_to_grow():
    batcher = Batcher(max_frames=100, max_wait_s=0.010, busy_wait_s=0.020)
    batcher.add(call("a"), now=1.0)
    first = batcher.take(now=1.010)
    batcher.add(call("b"), now=1.011)
    assert batcher.wait_s(now=1.021) == pytest.approx(0.020)
    batcher.done(first, now=1.025)
    assert batcher.take(now=1.025) == [call("b")]
