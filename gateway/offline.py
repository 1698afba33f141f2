"""Fail offline: chargers should rather be offline than meet errors.

While its socket is open, each error or timeout burns one of a charger's few attempts, after which it throws the record
away; offline it has to queue. So a gateway that hears no healthy worker stops reading, then closes its sockets, and
lets chargers in again once a worker commits. Times are seconds of a monotonic clock. Knows no WebSocket and no bus.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Protocol

import structlog

from gateway.handshake import Refusal
from gateway.relay import Relay

HOLD_AFTER_S = 3.0
# Either no worker lives, or our own link to the broker is half-open. A new one shows which, before chargers are sent
# away; later than a worker needs that is started again.
DOUBT_AFTER_S = 6.0
CLOSE_AFTER_S = 10.0
# All at once they would come back all at once. But none may wait 30 s for an answer, which is a charger's usual limit:
# not who asked before we stopped reading, and goes first, nor who asked since.
CLOSE_OVER_S = 20.0
WAITING_OVER_S = 10.0
# Longer between two looks at the clock, and it was this process that stood still: what workers said meanwhile waits to
# be read.
LONGEST_STEP_S = 1.5
# A process that has just started hears of its workers within a second or two: its first callers may wait for that.
START_S = 3.0
TRY_AGAIN_LATER = 1013
SENTENCE = "no worker can store what chargers say; try again later"

log = structlog.get_logger(__name__)


class Phase(StrEnum):
    OPEN = "open"
    HOLDING = "holding"  # nothing is read from chargers
    CLOSED = "closed"  # they are sent away


class Line(Protocol):
    relay: Relay

    def hang_up(self, code: int, reason: str) -> None: ...


class Silence:
    """For how long no worker was heard, not counting the time in which this process itself stood still."""

    def __init__(self, now: float) -> None:
        self.seconds = CLOSE_AFTER_S  # nobody yet
        self._counted_to = now

    @property
    def phase(self) -> Phase:
        if self.seconds >= CLOSE_AFTER_S:
            return Phase.CLOSED
        return Phase.HOLDING if self.seconds >= HOLD_AFTER_S else Phase.OPEN

    def pass_to(self, now: float) -> None:
        self.seconds += min(now - self._counted_to, LONGEST_STEP_S)
        self._counted_to = now

    def end(self, now: float) -> None:
        self.seconds, self._counted_to = 0.0, now


class Guard:
    """Puts the lines of a gateway on hold, and closes them, while there is no worker.

    Without ``is_on`` it does nothing: behind a broker with another backend nobody gives our workers' signs of life.
    ``doubt`` is called once in each silence, when it has lasted `DOUBT_AFTER_S`.
    """

    def __init__(
        self, lines: Mapping[str, Line], now: float, *, is_on: bool, doubt: Callable[[], None] | None = None
    ) -> None:
        self.phase = Phase.CLOSED if is_on else Phase.OPEN
        self._lines = lines
        self._is_on = is_on
        self._doubt = doubt
        self._silence = Silence(now)
        self._heard = asyncio.Event()  # a first worker
        self._close_until = 0.0

    def worker_lives(self, now: float) -> None:
        """A worker has said that it commits."""
        self._silence.end(now)
        self._heard.set()
        self._turn(now)

    def tick(self, now: float) -> None:
        """Once a second."""
        before_s = self._silence.seconds
        self._silence.pass_to(now)
        if self._is_on and self._doubt is not None and before_s < DOUBT_AFTER_S <= self._silence.seconds:
            self._doubt()
        self._turn(now)
        if self.phase is Phase.CLOSED and self._lines:
            self._close_some(now)

    def joins(self, line: Line) -> None:
        """A line that was just put through is treated like the others."""
        if self.phase is Phase.CLOSED:
            line.hang_up(TRY_AGAIN_LATER, SENTENCE)
        elif self.phase is Phase.HOLDING:
            line.relay.pause(True)

    async def open_door(self) -> None:
        """Return if chargers may come in. Raises Refusal."""
        if self.phase is Phase.CLOSED and not self._heard.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), START_S)
        if self.phase is Phase.CLOSED:
            raise Refusal.later("No worker can store what chargers say; try again.")

    def _turn(self, now: float) -> None:
        phase = self._silence.phase
        if not self._is_on or phase is self.phase:
            return
        tell = log.info if phase is Phase.OPEN else log.warning
        tell("gateway_phase", phase=str(phase), was=str(self.phase), silent_s=round(self._silence.seconds, 1))
        self.phase = phase
        if phase is Phase.CLOSED:
            self._close_until = now + CLOSE_OVER_S
            return
        for line in self._lines.values():
            line.relay.pause(phase is Phase.HOLDING)

    def _close_some(self, now: float) -> None:
        """Each second its share, so that all are gone at the end; in no order that two gateways would share."""
        seconds_left = self._close_until - now
        waiting = [line for line in self._lines.values() if line.relay.pending is not None]
        others = [line for line in self._lines.values() if line.relay.pending is None]
        for lines, left_s in ((waiting, seconds_left - CLOSE_OVER_S + WAITING_OVER_S), (others, seconds_left)):
            for line in random.sample(lines, math.ceil(len(lines) / max(1.0, left_s))):
                line.hang_up(TRY_AGAIN_LATER, SENTENCE)
