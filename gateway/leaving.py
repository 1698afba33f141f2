"""A gateway is asked to stop: its chargers leave it, some at a time. Knows no WebSocket and no bus.

Who leaves together dials together. So they leave no faster than another gateway lets them in; those whose turn has not
come are served as ever meanwhile, and whoever waits for an answer has it first.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Protocol

from gateway.relay import Relay

# All of it together has to be less than what ECS, compose and systemd wait before they kill (60 s).
WITHIN_S = 30.0  # however many they are
FINISH_S = 5.0  # for answers that are waited for still
CLOSE_S = 2.0  # for closing handshakes
STEP_S = 0.05
RESTARTS = 1012, "this gateway restarts; dial again"


class Line(Protocol):
    key: str
    relay: Relay

    def hang_up(self, code: int, reason: str) -> None: ...


async def send_away(lines: Mapping[str, Line], *, per_s: float) -> None:
    """Close all ``lines`` with 1012, ``per_s`` at most (0: all at once) if that takes no longer than `WITHIN_S`.

    ``lines`` is watched: who is gone is not in it any more.
    """
    count, began = len(lines), time.monotonic()
    per_s = max(per_s or count / STEP_S, count / WITHIN_S)
    finish_at = began + count / per_s + FINISH_S if count else began
    told: set[str] = set()
    is_over = False
    while lines and (now := time.monotonic()) < finish_at + CLOSE_S:
        due = math.ceil((now - began + STEP_S) * per_s) - len(told)
        for line in [line for key, line in lines.items() if key not in told][:due]:
            told.add(line.key)
            line.relay.hang_up(*RESTARTS)
        if now > finish_at and not is_over:
            is_over = True
            for line in [line for line in lines.values() if line.relay.pending is not None]:
                line.hang_up(*RESTARTS)
        await asyncio.sleep(STEP_S)
