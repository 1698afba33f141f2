"""Signals of the supervisor: a handler only counts, the main thread looks when it wants to."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from types import FrameType


class Signals:
    """Ctrl-C, SIGTERM, a closed terminal, and the end of a child, all of which end ``wait`` early.

    A handler that raised could strike between a fork and the line that remembers the child; one that set an Event
    could meet its own lock. So handlers count, and Python's wakeup descriptor wakes ``select``.
    """

    STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.stops = 0
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in self.STOPS:
            # Under nohup SIGHUP is ignored and stays so. SIGINT is ignored too in whatever a script starts with `&`,
            # but whoever sends it to us means us.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._count)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the next signal."""
        if select.select([self._reader], [], [], max(seconds, 0))[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._reader, 1024)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.stops += 1
