"""Who is given the work that waits, with the real desk and real threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import Queue

import pytest

from gateway.ingest.batcher import Frame
from gateway.ingest.desk import Desk, Work
from gateway.ingest.hand import Probe

PATIENCE_S = 20.0


class Taker(threading.Thread):
    """Takes work for ever; tells whose turn it was and waits to be let go on."""

    def __init__(self, name: str, desk: Desk, taken: Queue[tuple[str, Work]]) -> None:
        super().__init__(name=name, daemon=True)
        self._desk, self._taken = desk, taken
        self.may_go_on = threading.Semaphore(0)

    def run(self) -> None:
        while (work := self._desk.take()) is not None:
            self._taken.put((self.name, work))
            self.may_go_on.acquire(timeout=PATIENCE_S)
            self._desk.done(work)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def until_idle(desk: Desk, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(desk._idle) < count:
        assert time.monotonic() < deadline, f"{len(desk._idle)} of {count} wait"
        time.sleep(0.002)


def test_work_goes_to_who_has_worked_last_while_the_other_rests(desk: Desk) -> None:
    taken: Queue[tuple[str, Work]] = Queue()
    cold, warm = Taker("cold", desk, taken), Taker("warm", desk, taken)
    for number, taker in enumerate((cold, warm), 1):
        taker.start()
        until_idle(desk, number)
    for n in range(5):
        desk.put(Frame(f"key-{n}", b"[2]", 0.0))
        who, work = taken.get(timeout=PATIENCE_S)
        assert (who, [frame.key for frame in work.frames]) == ("warm", [f"key-{n}"])
        warm.may_go_on.release()
        until_idle(desk, 2)


def test_an_errand_does_not_make_the_frames_wait_that_the_called_one_was_waiting_for(desk: Desk) -> None:
    taken: Queue[tuple[str, Work]] = Queue()
    takers = {name: Taker(name, desk, taken) for name in ("a", "b")}
    for number, taker in enumerate(takers.values(), 1):
        taker.start()
        until_idle(desk, number)
    desk.put(Frame("key", b"[2]", 0.0))
    desk.send_on_errand(Probe("w"))
    first, second = taken.get(timeout=PATIENCE_S), taken.get(timeout=PATIENCE_S)
    assert {first[0], second[0]} == {"a", "b"}, "while one is busy the other does the rest"
    assert sorted(len(work.frames) for _, work in (first, second)) == [0, 1]
    for taker in takers.values():
        taker.may_go_on.release()


def test_all_who_wait_end_when_it_closes(desk: Desk) -> None:
    takers = [Taker(name, desk, Queue()) for name in ("a", "b", "c")]
    for number, taker in enumerate(takers, 1):
        taker.start()
        until_idle(desk, number)
    desk.close()
    for taker in takers:
        taker.join(PATIENCE_S)
        assert not taker.is_alive()
