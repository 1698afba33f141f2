"""Chargers leave a gateway that stops: some at a time, each with its answer, all of them in time."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import leaving


class FakeLine:
    """A line that is gone when it is hung up on and waits for nothing; ``left``: when, and that it was cut off."""

    def __init__(self, key: str, street: Street, *, is_waiting: bool = False) -> None:
        self.key, self.street = key, street
        self.relay: Any = SimpleNamespace(pending="a CALL" if is_waiting else None, hang_up=self.asked_to_go)

    def asked_to_go(self, code: int, reason: str) -> None:
        if self.relay.pending is None:
            self.hang_up(code, reason)

    def hang_up(self, code: int, reason: str) -> None:
        assert code == 1012
        self.street.left[self.key] = self.street.now
        del self.street.lines[self.key]


class Street:
    """Lines, and a clock of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.lines: dict[str, Any] = {}
        self.left: dict[str, float] = {}
        monkeypatch.setattr(leaving, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(leaving, "asyncio", SimpleNamespace(sleep=self._sleep))

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def fill(self, count: int, **how: bool) -> None:
        self.lines |= {f"{how}{n}": FakeLine(f"{how}{n}", self, **how) for n in range(count)}

    @property
    def took_s(self) -> float:
        return max(self.left.values()) - 100.0


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Street:
    return Street(monkeypatch)


async def test_they_leave_no_faster_than_another_gateway_lets_them_in(street: Street) -> None:
    street.fill(1000)
    await leaving.send_away(street.lines, per_s=100)
    assert not street.lines and street.took_s == pytest.approx(10, abs=0.2)
    each_second = Counter(int(at) for at in street.left.values())
    assert max(each_second.values()) <= 110


async def test_however_many_they_are_they_are_gone_in_time(street: Street) -> None:
    street.fill(30_000)
    await leaving.send_away(street.lines, per_s=100)
    assert not street.lines and street.took_s <= leaving.WITHIN_S


async def test_without_a_limit_they_leave_together(street: Street) -> None:
    street.fill(50)
    await leaving.send_away(street.lines, per_s=0)
    assert street.took_s == 0


async def test_who_waits_for_an_answer_is_cut_off_last_and_in_time(street: Street) -> None:
    street.fill(20)
    street.fill(3, is_waiting=True)
    await leaving.send_away(street.lines, per_s=10)
    assert not street.lines
    waited = [at - 100 for key, at in street.left.items() if "is_waiting" in key]
    assert min(waited) >= 2.3 + leaving.FINISH_S and max(waited) < leaving.WITHIN_S


async def test_nobody_there_takes_no_time(street: Street) -> None:
    await leaving.send_away(street.lines, per_s=100)
    assert street.now == 100
