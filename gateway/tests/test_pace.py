"""A token bucket lets through what it promises, and no more; a window gathers, and loses nothing."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gateway.bus.pace import Bucket, Window


@given(st.lists(st.floats(0, 0.3), max_size=200), st.integers(1, 50))
def test_in_no_stretch_of_time_more_goes_through_than_is_allowed(pauses: list[float], per_s: int) -> None:
    bucket, now, went = Bucket(per_s), 1000.0, []
    for pause in pauses:
        now += pause
        if bucket.wait_s(now) == 0:
            bucket.spend(now)
            went.append(now)
    for start, begin in enumerate(went):
        for count, end in enumerate(went[start:], 1):
            assert count <= per_s * (end - begin) + per_s + 1e-6


@given(st.integers(1, 200), st.integers(0, 500))
def test_who_waits_as_long_as_told_may_go(per_s: int, spent: int) -> None:
    bucket = Bucket(per_s)
    for _ in range(spent):
        bucket.spend(5.0)
    wait_s = bucket.wait_s(5.0)
    assert wait_s <= 1 + 1 / per_s + 1e-9  # what came in is never a debt of more than a second
    assert bucket.wait_s(5.0 + wait_s + 1e-9) == 0


def test_without_a_limit_nobody_waits() -> None:
    bucket = Bucket(0)
    for _ in range(1000):
        bucket.spend(0.0)
    assert bucket.wait_s(0.0) == 0 and not bucket.is_limited


async def test_what_comes_within_a_window_is_done_once_at_its_end_though_something_fails() -> None:
    window, done = Window(0.02), []
    asyncio.get_running_loop().set_exception_handler(lambda *_: done.append("failed"))

    def fail() -> None:
        raise ZeroDivisionError

    def work() -> None:
        done.append("done")

    for do in (fail, work, work):
        window.at_its_end(do)
    await asyncio.sleep(0)
    assert done == []
    await asyncio.sleep(0.2)
    assert done == ["failed", "done"]
    window.at_its_end(work)
    await asyncio.sleep(0.2)
    assert done == ["failed", "done", "done"]
