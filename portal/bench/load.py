"""The phases of a load, each a `Listener`: dial in, offer a rate, ask as fast as answered, come back from a crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from portal.bench.charger import Charger
from portal.bench.histogram import Histogram
from portal.bench.mix import Station

TICK_S = 0.002
LAST_ANSWERS_S = 6.0  # the gateway publishes again after 5
LOOK_S = 0.05
RETRY_S = (0.5, 2.5)  # after a refused connection; quicker ones would take the core from what restarts
NO_WINDOW = 2**30
# What a charger says once it is let in.
SCRIPTS = {"silence": Station.silence, "arrival": Station.arrival, "opening": Station.opening}


class Phase:
    """What all phases count."""

    def __init__(self, chargers: Sequence[Charger]) -> None:
        self.loop = asyncio.get_running_loop()
        self.chargers = chargers
        self.answers = Histogram()
        self.refusals: Counter[int] = Counter()
        self.errors = 0
        self.losses = 0
        for charger in chargers:
            charger.listener = self

    def opened(self, charger: Charger) -> None:
        """A handshake was accepted."""

    def refused(self, charger: Charger, status: int, retry_after_s: float) -> None:
        self.refusals[status] += 1

    def answered(self, charger: Charger, seconds: float, is_result: bool) -> None:
        self.answers.add(seconds)
        self.errors += not is_result

    def lost(self, charger: Charger) -> None:
        self.losses += 1

    def outcome(self) -> dict[str, Any]:
        return {
            "answers": self.answers.dump(),
            "answered": self.answers.count,
            "errors": self.errors,
            "lost": self.losses,
            "refusals": dict(self.refusals),
        }

    async def last_answers(self) -> int:
        """Wait for what is still open; how many CALLs stayed without an answer."""
        for _ in range(round(LAST_ANSWERS_S / LOOK_S)):
            if not any(charger.station.pending for charger in self.chargers):
                break
            await asyncio.sleep(LOOK_S)
        return sum(bool(charger.station.pending) for charger in self.chargers)


class Arrival(Phase):
    """Dial and say what ``script`` has, each charger again and again until it is through. ``window``: at a time."""

    def __init__(self, chargers: Sequence[Charger], *, window: int, script: str) -> None:
        super().__init__(chargers)
        self._window = asyncio.Semaphore(window)
        self._says = SCRIPTS[script]
        self._script: dict[Charger, Iterator[str]] = {}
        self._dialled_at: dict[Charger, float] = {}
        self._waiting = set(chargers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_through = asyncio.Event()
        self._random = Random(1)  # noqa: S311 - spreads retries
        self.began_at = self.loop.time()
        self.opened_at = Histogram()
        self.handshakes = Histogram()
        self.refused_after = Histogram()
        self.through_at = Histogram()
        self.unreachable = 0

    async def run(self, limit_s: float) -> dict[str, Any]:
        self.began_at = self.loop.time()
        for charger in self.chargers:
            self._dial(charger)
        return await self._finish(limit_s)

    async def _finish(self, limit_s: float) -> dict[str, Any]:
        try:
            await asyncio.wait_for(self._is_through.wait(), limit_s)
        except TimeoutError:
            for task in self._tasks:
                task.cancel()
        return self.outcome() | {
            "missing": len(self._waiting),
            "unreachable": self.unreachable,
            "opened_at": self.opened_at.dump(),
            "handshakes": self.handshakes.dump(),
            "refused_after": self.refused_after.dump(),
            "through_at": self.through_at.dump(),
        }

    def _dial(self, charger: Charger, after_s: float = 0.0) -> None:
        task = self.loop.create_task(self._keep_dialling(charger, after_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_dialling(self, charger: Charger, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._window.acquire()
        while True:
            self._dialled_at[charger] = self.loop.time()
            try:
                await charger.dial()
            except OSError:
                self.unreachable += 1
                await asyncio.sleep(self._random.uniform(*RETRY_S))
            else:
                return

    def opened(self, charger: Charger) -> None:
        now = self.loop.time()
        self.handshakes.add(now - self._dialled_at[charger])
        self.opened_at.add(now - self.began_at)
        self._script[charger] = self._says(charger.station)
        self._go_on(charger)

    def answered(self, charger: Charger, seconds: float, is_result: bool) -> None:
        super().answered(charger, seconds, is_result)
        self._go_on(charger)

    def refused(self, charger: Charger, status: int, retry_after_s: float) -> None:
        super().refused(charger, status, retry_after_s)
        self.refused_after.add(self.loop.time() - self._dialled_at[charger])
        self._again(charger, retry_after_s)

    def lost(self, charger: Charger) -> None:
        super().lost(charger)
        self._again(charger, 0.0)

    def _again(self, charger: Charger, after_s: float) -> None:
        self._window.release()
        self._dial(charger, max(after_s, self._random.uniform(*RETRY_S)))

    def _go_on(self, charger: Charger) -> None:
        script = self._script.get(charger)
        frame = next(script, None) if script else None
        if frame is not None:
            charger.ask(frame, self.loop.time())
        elif charger in self._waiting:
            self._waiting.discard(charger)
            self.through_at.add(self.loop.time() - self.began_at)
            self._window.release()
            if not self._waiting:
                self._is_through.set()


class Storm(Arrival):
    """Whoever loses its line dials again at once, all together; the clock starts with the first loss."""

    def __init__(self, chargers: Sequence[Charger]) -> None:
        super().__init__(chargers, window=NO_WINDOW, script="arrival")
        self._has_begun = False

    async def run(self, limit_s: float) -> dict[str, Any]:
        return await self._finish(limit_s)

    def lost(self, charger: Charger) -> None:
        if not self._has_begun:
            self._has_begun, self.began_at = True, self.loop.time()
        Phase.lost(self, charger)
        self._dial(charger)


class Offered(Phase):
    """An open loop: ``rate`` CALLs a second fall due whatever happens, and are timed from then.

    ``lateness``: how long after it was due each was sent; it is the generator's own, and within the times it reports.
    """

    def __init__(self, chargers: Sequence[Charger]) -> None:
        super().__init__(chargers)
        self.lateness = Histogram()
        self.in_flight = 0
        self.deepest = 0

    def answered(self, charger: Charger, seconds: float, is_result: bool) -> None:
        super().answered(charger, seconds, is_result)
        self.in_flight -= 1

    async def run(self, rate: float, seconds: float) -> dict[str, Any]:
        began_at = self.loop.time()
        offered = skipped = 0
        while (now := self.loop.time()) < began_at + seconds:
            due = int((now - began_at) * rate) + 1
            for number in range(offered, due):
                charger = self.chargers[number % len(self.chargers)]
                if charger.station.pending or not charger.is_open:
                    skipped += 1
                    continue
                self.in_flight += 1
                due_at = began_at + number / rate
                charger.ask(charger.station.next_call(), due_at)
                self.lateness.add(self.loop.time() - due_at)
            offered = max(offered, due)
            self.deepest = max(self.deepest, self.in_flight)
            await asyncio.sleep(TICK_S)
        unanswered = await self.last_answers()
        counts = {"offered": offered, "skipped": skipped, "unanswered": unanswered, "deepest": self.deepest}
        return self.outcome() | counts | {"lateness": self.lateness.dump()}


class ClosedLoop(Phase):
    """Each charger asks again the moment it is answered: as much as the yard can do."""

    def __init__(self, chargers: Sequence[Charger]) -> None:
        super().__init__(chargers)
        self._is_over = False

    async def run(self, seconds: float) -> dict[str, Any]:
        for charger in self.chargers:
            self._ask(charger)
        await asyncio.sleep(seconds)
        self._is_over = True
        answered_in_time = self.answers.count
        unanswered = await self.last_answers()
        return self.outcome() | {"in_time": answered_in_time, "unanswered": unanswered}

    def answered(self, charger: Charger, seconds: float, is_result: bool) -> None:
        super().answered(charger, seconds, is_result)
        if not self._is_over:
            self._ask(charger)

    def _ask(self, charger: Charger) -> None:
        if charger.is_open and not charger.station.pending:
            charger.ask(charger.station.next_call(), self.loop.time())
