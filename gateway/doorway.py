"""How many chargers come in per second, whatever storm is outside, and who comes first.

A token bucket: up to a second's worth at once, then at the rate. Who finds it empty waits in line, those that charge a
car before all others; where the line is too long to be waited out, the caller is told when to come again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable

from gateway.handshake import Refusal, jitter_s

# Some firmware gives a handshake 10 s.
PATIENCE_S = 8.0
STEP_S = 0.02


class Doorway:
    """``rate_per_s`` 0: everybody at once."""

    def __init__(self, rate_per_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._tokens = rate_per_s
        self._filled_at = time.monotonic()
        self._charging: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._porter: asyncio.Task[None] | None = None

    async def enter(self, is_charging: Callable[[], Awaitable[bool]]) -> None:
        """Return when it is the caller's turn. Raises Refusal. ``is_charging`` is asked only if there is a line."""
        if self._rate_per_s <= 0:
            return
        self._fill()
        if self._porter is None and self._tokens >= 1:
            self._tokens -= 1
            return
        await self._queue(self._charging if await is_charging() else self._others)

    def empty(self) -> None:
        """Everybody was away and comes back now: no second's worth at once."""
        self._tokens = 0.0

    async def _queue(self, line: deque[asyncio.Future[None]]) -> None:
        ahead = len(self._charging) + (len(line) if line is self._others else 0)
        if ahead > PATIENCE_S * self._rate_per_s:
            raise _too_many(ahead / self._rate_per_s)
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        if self._porter is None:
            self._porter = asyncio.get_running_loop().create_task(self._let_in())
        try:
            await asyncio.wait_for(turn, PATIENCE_S)
        except TimeoutError:  # others with a car on the cable came after it and went before it
            raise _too_many(PATIENCE_S) from None

    async def _let_in(self) -> None:
        while self._charging or self._others:
            self._fill()
            while self._tokens >= 1 and (line := self._charging or self._others):
                turn = line.popleft()
                if not turn.done():
                    self._tokens -= 1
                    turn.set_result(None)
            await asyncio.sleep(STEP_S)
        self._porter = None

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._rate_per_s, self._tokens + (now - self._filled_at) * self._rate_per_s)
        self._filled_at = now


def _too_many(wait_s: float) -> Refusal:
    least = max(5, math.ceil(wait_s))
    return Refusal.later("Too many chargers dial at once; try again.", after_s=jitter_s(least, least + 20))
