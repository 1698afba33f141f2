"""Foremen with a real desk and real threads; their hands, processes otherwise, write down what they are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

import pytest

from gateway.bus.publisher import Publication
from gateway.ingest import foreman
from gateway.ingest.batcher import Frame
from gateway.ingest.desk import Desk
from gateway.ingest.hand import DoBatch, Job, Reconnect
from gateway.ingest.outage import DatabaseAway
from gateway.ingest.source import Counter

PATIENCE_S = 20.0


class Bus:
    def publish(self, publications: Iterable[Publication]) -> None: ...

    def acknowledge(self, frames: Iterable[Frame]) -> None: ...


class FakeHand:
    """Fails with an outage where the frame says so, as often as it says."""

    made: ClassVar[list[FakeHand]] = []
    failures: ClassVar[int] = 0

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.commit_s = 0.0
        self.made.append(self)

    def do(self, job: Job) -> list[Publication]:
        self.jobs.append(job)
        if isinstance(job, DoBatch) and FakeHand.failures:
            FakeHand.failures -= 1
            raise DatabaseAway("The database has not answered for 12 s.")
        return []

    def dismiss(self) -> None: ...


@pytest.fixture
def desk(monkeypatch) -> Iterator[Desk]:
    monkeypatch.setattr(foreman, "Hand", FakeHand)
    monkeypatch.setattr(FakeHand, "made", [])
    desk = Desk()
    foremen = [foreman.Foreman(n, desk, Counter(Bus(), Bus()), on_commit=lambda: None) for n in range(2)]
    for each in foremen:
        each.start()
    yield desk
    desk.close()
    for each in foremen:
        each.join(PATIENCE_S)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kinds(hand: FakeHand) -> list[type]:
    return [type(job) for job in hand.jobs]


def test_when_one_hand_gives_up_its_connection_the_other_does_not_try_its_own(desk, monkeypatch):
    until(lambda: len(desk._idle) == 2)
    monkeypatch.setattr(FakeHand, "failures", 1)
    desk.put(Frame("one", b"[2]", 0.0))
    until(lambda: sum(map(len, map(kinds, FakeHand.made))) == 2 and len(desk._idle) == 2)
    first = next(hand for hand in FakeHand.made if hand.jobs)
    (other,) = (hand for hand in FakeHand.made if hand is not first)
    assert kinds(first) == [DoBatch, DoBatch], "it has given up its own, and tries again"
    while not other.jobs:
        for n in range(40):  # more than one has time for
            desk.put(Frame(f"more-{n}", b"[2]", 0.0))
        until(lambda: len(desk._idle) == 2)
    assert kinds(other)[:2] == [Reconnect, DoBatch]
    assert Reconnect not in kinds(other)[1:]
    assert Reconnect not in kinds(first)
