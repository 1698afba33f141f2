"""The process of the chargers: `python -m portal.chaos.fleet`. Orders come as JSON lines, figures go each second.

Records happen at an offered rate whatever becomes of the yard; who is offline queues them. Each attempt and each
confirmation is in the history before the next step. Chargers keep the rules: one CALL at a time, 30 s for an answer,
Retry-After, back-off. Has no Django.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from asyncio import FIRST_COMPLETED
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from portal.bench.charger import Door
from portal.bench.histogram import Histogram
from portal.chaos.history import History
from portal.chaos.line import Line
from portal.chaos.station import Heard, Record, Station

TICK_S = 0.01
ANSWER_S = 30.0  # then a charger counts an attempt as burned
REFUSED_S = 3.0  # after a CALLERROR, before the next attempt
BACKOFF_S = (0.3, 8.0)  # first and longest pause between two dials
BEAT_S = 30.0
BOOTS_SHARE = 0.2  # of those that come back
# A charger's memory: then nothing happens to it any more. And what may wait while it is connected, so that a machine
# that cannot bear the rate gets less and not a queue that grows for ever.
LONGEST_QUEUE, LONGEST_ONLINE = 400, 3


class Figures:
    """What happened since the last report, and how things stand."""

    def __init__(self) -> None:
        self.times = Histogram()
        self.closes: Counter[int] = Counter()
        self.refusals: Counter[int] = Counter()
        self.burned = self.acknowledged = self.attempted = self.sent = self.strays = 0
        self.longest_away_s = 0.0

    def dump(self) -> dict[str, Any]:
        return {
            "times": self.times.dump(),
            "closes": dict(self.closes),
            "refusals": dict(self.refusals),
            "burned": self.burned,
            "acknowledged": self.acknowledged,
            "attempted": self.attempted,
            "sent": self.sent,
            "strays": self.strays,
            "longest_away_s": round(self.longest_away_s, 2),
        }


class Member:
    """A charger: its station and the line it has just now."""

    def __init__(self, station: Station, fleet: Fleet) -> None:
        self.station = station
        self.line: Line | None = None
        self._fleet = fleet
        self._tries = 0
        self._asked_at = 0.0
        self._beat_at = 0.0
        self._gone_since: float | None = None
        self.not_before = 0.0  # for what it says next

    @property
    def is_open(self) -> bool:
        return self.line is not None and self.line.is_open

    def may_talk(self, now: float) -> bool:
        return self.is_open and now >= self.not_before and self.station.has_something_to_say()

    def dial(self, after_s: float) -> None:
        self._fleet.later(after_s, self._dial)

    def send(self, frame: str, now: float) -> None:
        self._asked_at = now
        if self.line is not None:
            self.line.send(frame)

    def each_second(self, now: float) -> None:
        if self.line is None:
            return
        self.line.look_at_the_clock()
        if self.station.pending and now - self._asked_at > ANSWER_S:
            self._fleet.figures.burned += 1
            self.station.forget_pending()
        if self.is_open and now - self._beat_at > BEAT_S:
            self._beat_at = now
            self.station.beats()

    def _dial(self) -> None:
        self.line = Line(self, self._fleet.door, self.station.identity, self.station.subprotocol)
        self._fleet.spawn(self.line.dial())

    # -- from its line -----------------------------------------------------------------------------------------------

    def opened(self) -> None:
        self._tries = 0
        now = self._fleet.now()
        if self._gone_since is not None:
            self._fleet.figures.longest_away_s = max(self._fleet.figures.longest_away_s, now - self._gone_since)
            self._gone_since = None
        self.station.arrives(time.time(), boots=self._fleet.random.random() < BOOTS_SHARE)

    def heard(self, text: str) -> None:
        if text.startswith("[2,"):
            answer, message_id, action = self.station.obey(text)
            self._fleet.history.note(obeyed=message_id, charger=self.station.identity, action=action)
            if self.line is not None:
                self.line.send(answer)
            return
        heard = self.station.hear(text)
        if heard is None:
            self._fleet.figures.strays += 1
        else:
            self._fleet.answered(self, heard, self._fleet.now() - self._asked_at)

    def refused(self, status: int, retry_after_s: float) -> None:
        self._fleet.figures.refusals[status] += 1
        self._again(retry_after_s)

    def lost(self, code: int) -> None:
        self._fleet.figures.closes[code] += 1
        self._again(0.0)

    def _again(self, after_s: float) -> None:
        self.line = None
        self.station.forget_pending()
        if self._gone_since is None:
            self._gone_since = self._fleet.now()
        pause_s = min(BACKOFF_S[0] * 2**self._tries, BACKOFF_S[1])
        self._tries += 1
        self.dial(max(after_s, pause_s * self._fleet.random.uniform(0.5, 1.5)))


class Fleet:
    def __init__(self, *, chargers: int, door: Door, history: Path, rate: float, seed: int) -> None:
        self.door = door
        self.history = History(history)
        self.figures = Figures()
        self.random = Random(seed)  # noqa: S311 - the same run again
        self._loop = asyncio.get_running_loop()
        self._rate = rate
        self._is_finishing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.members = [Member(Station(number, seed), self) for number in range(chargers)]
        self._order = list(self.members)
        self.random.shuffle(self._order)

    def now(self) -> float:
        return self._loop.time()

    def later(self, after_s: float, act: Callable[[], None]) -> None:
        self._loop.call_later(after_s, act)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def answered(self, member: Member, heard: Heard, seconds: float) -> None:
        self.figures.times.add(seconds)
        if not heard.is_result:
            member.not_before = self.now() + REFUSED_S
            self.figures.burned += heard.record is not None
        elif heard.record is not None:
            self.figures.acknowledged += 1
            self.history.note(acknowledged=heard.record.number, charger=member.station.identity, answer=heard.answer)

    async def run(self) -> None:
        """Dial in over the first seconds and live."""
        for number, member in enumerate(self.members):
            member.dial(number / 300)
        made, began, second = 0, self.now(), self.now()
        while True:
            await asyncio.sleep(TICK_S)
            now = self.now()
            due = int((now - began) * self._rate)
            for number in range(made, due):
                self._let_happen(self._order[number % len(self._order)])
            made = max(made, due)
            await self._talk(now)
            if now - second >= 1:
                second += 1
                self._each_second(now)

    def obey(self, order: dict[str, Any]) -> None:
        match order:
            case {"do": "clock", "seconds": seconds, "share": share}:
                for member in self.members[: round(len(self.members) * share)]:
                    member.station.clock_offset_s = seconds
            case {"do": "finish"}:
                self._is_finishing = True
                for member in self.members:
                    member.station.happens(time.time(), only_stop=True)
            case _:
                raise ValueError(f"No such order: {order!r}.")

    def _let_happen(self, member: Member) -> None:
        longest = LONGEST_ONLINE if member.is_open else LONGEST_QUEUE
        if not self._is_finishing and len(member.station.queue) < longest:
            member.station.happens(time.time())

    async def _talk(self, now: float) -> None:
        """Let all speak that may; what goes out for the first time is on disk before."""
        said: list[tuple[Member, str, Line | None]] = []
        for member in self.members:
            if member.may_talk(now):
                frame, record = member.station.next_frame()
                self._note_attempt(member, record)
                said.append((member, frame, member.line))
        await self._loop.run_in_executor(None, self.history.write, self.history.take())
        self.figures.sent += len(said)
        for member, frame, line in said:
            if member.line is line:  # else it broke meanwhile
                member.send(frame, self.now())

    def _note_attempt(self, member: Member, record: Record | None) -> None:
        if record is not None and record.attempts == 1:
            self.figures.attempted += 1
            self.history.note(
                attempted=record.number,
                charger=member.station.identity,
                action=record.action,
                payload=record.payload,
            )

    def _each_second(self, now: float) -> None:
        for member in self.members:
            member.each_second(now)
        report = self.figures.dump() | {
            "at": now,
            "connected": sum(member.is_open for member in self.members),
            "queued": sum(len(member.station.queue) for member in self.members),
            "busy": sum(not member.station.is_idle for member in self.members),
        }
        self.figures = Figures()
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


async def work() -> None:
    """Be the fleet that the first line on standard input describes, until that ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    first = json.loads(await orders.readline())
    fleet = Fleet(
        chargers=first["chargers"],
        door=Door(**first["door"]),
        history=Path(first["history"]),
        rate=first["rate"],
        seed=first["seed"],
    )

    async def obey() -> None:
        while line := await orders.readline():
            fleet.obey(json.loads(line))

    done, _ = await asyncio.wait({loop.create_task(fleet.run()), loop.create_task(obey())}, return_when=FIRST_COMPLETED)
    for task in done:
        task.result()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(work())
