"""Chargers that harm, to see what the others feel of them: one floods, one floods and never reads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from portal.bench import wire
from portal.bench.charger import Charger, Door, Listener
from portal.bench.load import Phase

FRAMES_PER_WRITE = 50
COMES_AGAIN_S = 1.0


class Flooder(Charger):
    """Sends CALLs as fast as its TCP takes them and waits for no answer. ``is_deaf``: nor does it read any."""

    def __init__(self, number: int, door: Door, listener: Listener, *, is_deaf: bool) -> None:
        super().__init__(number, door, listener)
        self.sent = self.heard = 0
        self._is_deaf = is_deaf
        self._may_write = asyncio.Event()

    async def flood(self) -> None:
        """Until the connection is gone."""
        assert self._transport is not None
        if self._is_deaf:
            self._transport.pause_reading()
        self._may_write.set()
        while self.is_open:
            await self._may_write.wait()
            for _ in range(FRAMES_PER_WRITE):
                self._send(wire.TEXT, self.station.heartbeat())
            self.sent += FRAMES_PER_WRITE
            await asyncio.sleep(0)

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._may_write.set()
        super().connection_lost(exc)

    def _heard(self, kind: int, payload: bytes) -> None:
        if kind == wire.TEXT:
            self.heard += 1
        else:
            super()._heard(kind, payload)


class Flood(Phase):
    """The first of two chargers floods, the second is deaf as well; who is thrown out comes again."""

    def __init__(self, numbers: range, door: Door) -> None:
        super().__init__([])
        self._flooder, self._deaf = (
            Flooder(number, door, self, is_deaf=is_deaf) for number, is_deaf in zip(numbers, (False, True), strict=True)
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float, who: Sequence[str]) -> dict[str, Any]:
        """``who``: "flooder", "deaf" or both."""
        rude = [{"flooder": self._flooder, "deaf": self._deaf}[name] for name in who]
        for charger in rude:
            self._start(self._keep_dialling(charger, 0.0))
        await asyncio.sleep(seconds)
        for charger in rude:
            charger.vanish()
        for task in self._tasks:
            task.cancel()
        sent = {"flooder_sent": self._flooder.sent, "flooder_heard": self._flooder.heard, "deaf_sent": self._deaf.sent}
        return self.outcome() | sent

    def opened(self, charger: Charger) -> None:
        assert isinstance(charger, Flooder)
        self._start(charger.flood())

    def refused(self, charger: Charger, status: int, retry_after_s: float) -> None:
        super().refused(charger, status, retry_after_s)
        self._start(self._keep_dialling(charger, COMES_AGAIN_S))

    def lost(self, charger: Charger) -> None:
        super().lost(charger)
        self._start(self._keep_dialling(charger, COMES_AGAIN_S))

    async def _keep_dialling(self, charger: Charger, after_s: float) -> None:
        await asyncio.sleep(after_s)
        try:
            await charger.dial()
        except OSError:
            self._start(self._keep_dialling(charger, COMES_AGAIN_S))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
