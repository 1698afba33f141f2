"""When a gateway puts its chargers on hold, sends them away and takes them back."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from gateway import offline
from gateway.handshake import Refusal
from gateway.offline import Guard, Phase
from gateway.relay import Relay


class Line:
    """A line that has nothing in work."""

    def __init__(self) -> None:
        self.relay = Relay("CP-1", self)
        self.held: list[bool] = []
        self.closed: list[int] = []

    def publish(self, text: str) -> None: ...

    def deliver(self, text: str) -> None: ...

    def hold(self, is_held: bool) -> None:
        self.held.append(is_held)

    def hang_up(self, code: int, reason: str) -> None:
        self.closed.append(code)


@pytest.fixture
def lines() -> dict[str, Line]:
    return {f"CP-{number}": Line() for number in range(60)}


@pytest.fixture
def guard(lines: dict[str, Line]) -> Guard:
    """Its worker was heard at 0."""
    guard = Guard(lines, 0, is_on=True)
    guard.worker_lives(0)
    return guard


def tick(guard: Guard, start: int, end: int) -> None:
    """Each second after ``start``, ``end`` included."""
    for second in range(start + 1, end + 1):
        guard.tick(second)


def test_after_three_seconds_of_silence_nothing_is_read(guard, lines):
    tick(guard, 0, 2)
    assert lines["CP-1"].held == []
    guard.tick(3)
    assert (guard.phase, lines["CP-1"].held, lines["CP-1"].closed) == (Phase.HOLDING, [True], [])


def test_a_worker_that_is_back_within_ten_seconds_costs_no_connection(guard, lines):
    tick(guard, 0, 9)
    guard.worker_lives(9.5)
    assert guard.phase is Phase.OPEN
    assert lines["CP-1"].held == [True, False]
    assert not any(line.closed for line in lines.values())


def test_after_ten_seconds_chargers_leave_a_share_each_second(guard, lines):
    tick(guard, 0, 9)
    counts = [60]
    for second in range(10, 31):
        guard.tick(second)
        for key in [key for key, line in lines.items() if line.closed]:
            assert lines.pop(key).closed == [1013]
        counts.append(len(lines))
    assert (counts[1], counts[-1]) == (57, 0)
    assert all(before - after <= 4 for before, after in pairwise(counts))


def test_who_waits_for_an_answer_is_sent_away_before_its_thirty_seconds_are_over(guard, lines):
    """A time-out on an open socket burns one of its attempts; and before those who asked nothing."""
    waiting = [line for number, line in enumerate(lines.values()) if number % 3 == 0]
    for line in waiting:
        line.relay.from_charger('[2,"1","Heartbeat",{}]', 0)
    tick(guard, 0, 9)
    for second in range(10, 20):
        guard.tick(second)
        for key in [key for key, line in lines.items() if line.closed]:
            del lines[key]
    assert all(line.closed == [1013] for line in waiting)
    assert len(lines) >= 15


def test_before_anybody_is_sent_away_the_link_to_the_broker_is_made_anew_once(lines):
    doubted: list[float] = []
    watching = Guard(lines, 0, is_on=True, doubt=lambda: doubted.append(watching._silence.seconds))
    for began in (0, 100):
        watching.worker_lives(began)
        tick(watching, began, began + 5)
        assert not any(line.closed for line in lines.values())
        tick(watching, began + 5, began + 9)
    assert doubted == [6, 6]


def test_chargers_that_are_still_there_when_a_worker_is_back_stay(guard, lines):
    tick(guard, 0, 12)
    guard.worker_lives(12)
    gone = [line for line in lines.values() if line.closed]
    tick(guard, 12, 14)
    assert 0 < len(gone) < len(lines)
    assert [line for line in lines.values() if line.closed] == gone


def test_time_in_which_the_gateway_itself_stood_still_does_not_count(guard, lines):
    guard.tick(1)
    guard.tick(61)
    assert guard.phase is Phase.OPEN


def test_without_the_setting_silence_means_nothing(lines):
    guard = Guard(lines, 0, is_on=False)
    tick(guard, 0, 60)
    assert guard.phase is Phase.OPEN
    assert not any(line.closed or line.held for line in lines.values())


def test_a_line_that_comes_late_is_treated_like_the_others(guard):
    late, later = Line(), Line()
    tick(guard, 0, 4)
    guard.joins(late)
    tick(guard, 4, 10)
    guard.joins(later)
    assert (late.held, later.closed) == ([True], [1013])


async def test_while_closed_a_handshake_is_refused_with_503(guard):
    tick(guard, 0, 10)
    with pytest.raises(Refusal) as refused:
        await guard.open_door()
    assert refused.value.status == 503
    assert 5 <= int(dict(refused.value.headers)["Retry-After"]) <= 30


async def test_before_the_first_worker_was_heard_callers_wait_a_moment(lines, monkeypatch):
    monkeypatch.setattr(offline, "START_S", 0.2)
    guard = Guard(lines, 0, is_on=True)
    waiting = asyncio.ensure_future(guard.open_door())
    await asyncio.sleep(0.02)
    guard.worker_lives(0.1)
    await waiting
    with pytest.raises(Refusal):
        await Guard(lines, 0, is_on=True).open_door()


def test_a_full_queue_and_a_pause_both_have_to_end_before_reading_goes_on():
    line = Line()
    for number in range(17):
        line.relay.from_charger(f'[2,"{number}","Heartbeat",{{}}]', 0)
    line.relay.pause(True)
    for number in range(17):
        line.relay.from_csms(f'[3,"{number}",{{}}]', 0)
    assert line.held == [True]
    line.relay.pause(False)
    assert line.held == [True, False]
