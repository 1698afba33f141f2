"""How fast we may go where a broker takes only so much, and how much at once. Times are seconds of a steady clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


class Window:
    """Opens with the first thing to do, and ``seconds`` later all is done that came meanwhile, each thing once.

    0: at the end of this turn of the event loop. For one thread with a running loop.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._to_do: dict[Callable[[], None], None] = {}

    def at_its_end(self, do: Callable[[], None]) -> None:
        if not self._to_do:
            loop = asyncio.get_running_loop()
            if self._seconds:
                loop.call_later(self._seconds, self._close)
            else:
                loop.call_soon(self._close)
        self._to_do[do] = None

    def _close(self) -> None:
        to_do, self._to_do = self._to_do, {}
        for do in to_do:
            asyncio.get_running_loop().call_soon(do)  # one that fails keeps no other from being done


class Bucket:
    """A token bucket: ``per_s`` on average, a second's worth at once. 0: no limit.

    What we cannot hold back, the messages that come to us, is spent all the same, and what we send waits for it; but
    never for longer than a second's worth of it.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._tokens = per_s
        self._filled_at = 0.0

    @property
    def is_limited(self) -> bool:
        return self._per_s > 0

    def wait_s(self, now: float) -> float:
        """Seconds until one may be spent; 0 if now."""
        if self._per_s <= 0:
            return 0.0
        self._fill(now)
        return max(0.0, (1.0 - self._tokens) / self._per_s)

    def spend(self, now: float) -> None:
        if self._per_s > 0:
            self._fill(now)
            self._tokens = max(self._tokens - 1.0, -self._per_s)

    def _fill(self, now: float) -> None:
        # A bucket is full when it is made, whenever the clock begins.
        self._tokens = min(self._per_s, self._tokens + max(0.0, now - self._filled_at) * self._per_s)
        self._filled_at = now


@dataclass(slots=True)
class Pace:
    """How the links of a process go: each publishes so many a second (0: no limit), dials and writes are of all."""

    publishes_per_s: float = 0.0
    dials: Bucket = field(default_factory=lambda: Bucket(0))
    window: Window = field(default_factory=lambda: Window(0))
