"""How many chargers come in per second, whatever storm is outside, and who comes first.

A token bucket: up to a second's worth at once, then at the rate, and never more than are dealt with at a time. Who
finds it empty waits in line, those that charge a car before all others; where the line is too long to be waited out,
the caller is told when to come again: each a moment of its own, at the pace that the door has.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gateway.handshake import Refusal, jitter_s

# To be waited for is better than to be refused: hardly any firmware heeds Retry-After. But some gives a handshake 10 s,
# and when 10,000 dial at once up to 4 s pass before the last of them is heard.
PATIENCE_S = 4.0
STEP_S = 0.02
# Handshakes under way. More at once are no faster, and each takes longer.
MOST_INSIDE = 300
# The pace is what a line saw lately.
PACE_EVERY_S = 0.5
LONGEST_AWAY_S = 300.0


class Doorway:
    """``rate_per_s`` 0: everybody at once."""

    def __init__(self, rate_per_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._pace_per_s = rate_per_s
        self._tokens = rate_per_s
        self._filled_at = time.monotonic()
        self._inside = 0
        self._booked_until = 0.0
        self._charging: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._porter: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def passage(self, is_charging: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Begins when it is the caller's turn; another's turn may come when it ends. Raises Refusal.

        ``is_charging`` is asked only if there is a line.
        """
        if self._rate_per_s <= 0:
            yield
            return
        self._fill()
        if self._porter is None and self._may_let_in():
            self._let_one_in()
        else:
            await self._queue(self._charging if await is_charging() else self._others)
        try:
            yield
        finally:
            self._inside -= 1

    def empty(self) -> None:
        """Everybody was away and comes back now: no second's worth at once."""
        self._tokens = 0.0

    async def _queue(self, line: deque[asyncio.Future[None]]) -> None:
        ahead = len(self._charging) + (len(line) if line is self._others else 0)
        if ahead > PATIENCE_S * self._pace_per_s:
            raise self._too_many()
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        if self._porter is None:
            self._porter = asyncio.get_running_loop().create_task(self._keep_the_door())
        try:
            await asyncio.wait_for(turn, PATIENCE_S)
        except TimeoutError:  # it went slower than it had, or others with a car on the cable went before it
            raise self._too_many() from None
        except BaseException:
            if turn.done() and not turn.cancelled():  # let in, and gone in the same moment
                self._inside -= 1
            raise

    async def _keep_the_door(self) -> None:
        counted_at, let_in = time.monotonic(), 0
        while self._charging or self._others:
            self._fill()
            while self._may_let_in() and (line := self._charging or self._others):
                turn = line.popleft()
                if not turn.done():
                    self._let_one_in()
                    turn.set_result(None)
                    let_in += 1
            await asyncio.sleep(STEP_S)
            if (passed_s := time.monotonic() - counted_at) >= PACE_EVERY_S:
                self._pace_per_s = max(1.0, (self._pace_per_s + let_in / passed_s) / 2)
                counted_at, let_in = time.monotonic(), 0
        self._porter = None

    def _may_let_in(self) -> bool:
        return self._tokens >= 1 and self._inside < MOST_INSIDE

    def _let_one_in(self) -> None:
        self._tokens -= 1
        self._inside += 1

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._rate_per_s, self._tokens + (now - self._filled_at) * self._rate_per_s)
        self._filled_at = now

    def _too_many(self) -> Refusal:
        """Come when the line of now is through, and those are who were sent away before."""
        now = time.monotonic()
        waiting = len(self._charging) + len(self._others)
        # Most are sent away in the first seconds of a storm, at the pace of a process that has just started. Who comes
        # too early finds room in the line.
        pace_per_s = max(self._pace_per_s, 0.6 * self._rate_per_s)
        self._booked_until = max(self._booked_until, now + waiting / pace_per_s) + 1 / pace_per_s
        away_s = min(LONGEST_AWAY_S, self._booked_until - now)
        return Refusal.later(
            "Too many chargers dial at once; try again.",
            after_s=math.ceil(away_s) + jitter_s(1, 3 + round(away_s / 10)),
        )
