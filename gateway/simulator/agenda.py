"""Things to do later, for a whole fleet on one timer. Knows no charger and no socket; tests move its clock by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Seconds since the epoch, UTC."""


class Entry:
    """One thing to do; `cancel` makes it not happen."""

    __slots__ = ("at", "do", "order")

    def __init__(self, at: float, order: int, do: Callable[[], object]) -> None:
        self.at = at
        self.order = order
        self.do: Callable[[], object] | None = do

    def __lt__(self, other: Entry) -> bool:
        return (self.at, self.order) < (other.at, other.order)

    def cancel(self) -> None:
        self.do = None


def steady_clock() -> Clock:
    """Wall time that never jumps: a step of the machine's clock must not end a thousand sessions."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


class Agenda:
    """A heap of entries on one clock. Things due at the same moment happen in the order they were entered."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock
        self._entries: list[Entry] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def at(self, when: float, do: Callable[[], object]) -> Entry:
        entry = Entry(when, next(self._order), do)
        heapq.heappush(self._entries, entry)
        if self._loop is not None and self._entries[0] is entry:
            self._arm()
        return entry

    def after(self, delay_s: float, do: Callable[[], object]) -> Entry:
        return self.at(self.now() + delay_s, do)

    def next_at(self) -> float | None:
        """When the next entry is due; None for an empty agenda."""
        while self._entries and self._entries[0].do is None:
            heapq.heappop(self._entries)
        return self._entries[0].at if self._entries else None

    def run_due(self) -> None:
        """Do all that is due now. What raises is logged and does not keep the rest from happening."""
        while (due_at := self.next_at()) is not None and due_at <= self.now():
            do = heapq.heappop(self._entries).do
            assert do is not None, "next_at drops cancelled entries"
            try:
                do()
            except Exception:
                log.exception("A simulated charger stumbled over its own agenda")

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on the loop's timer does what is due."""
        self._loop = loop
        self._arm()

    def stop(self) -> None:
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due_at = self.next_at()
        if self._loop is not None and due_at is not None:
            self._timer = self._loop.call_later(max(0.0, due_at - self.now()), self._ring)

    def _ring(self) -> None:
        self.run_due()
        self._arm()
