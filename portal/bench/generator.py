"""A process of the load: takes orders as JSON lines on standard input, reports on each as a JSON line.

Has neither Django nor a WebSocket library: what the generators cost must not count against the yard's two cores.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
from collections.abc import Callable
from typing import Any

import uvloop

from portal.bench.charger import Charger, Door
from portal.bench.load import Arrival, ClosedLoop, Offered, Phase, Storm
from portal.bench.rude import Flood

Order = dict[str, Any]
LEAVE_S = 1.0  # until all have


class Fleet:
    """The chargers of this process."""

    def __init__(self, numbers: range, door: Door) -> None:
        self._numbers, self._door = numbers, door
        nobody = Phase([])
        self.chargers = [Charger(number, door, nobody) for number in numbers]

    async def obey(self, order: Order) -> Order:
        """Carry out one order and report. Raises ValueError for one that it does not know."""
        match order:
            case {"do": "arrive", "window": int(window), "script": str(script), "limit_s": limit_s}:
                work = Arrival(self.chargers, window=window, script=script).run(limit_s)
            case {"do": "offer", "rate": rate, "seconds": seconds}:
                work = Offered(self.chargers).run(rate, seconds)
            case {"do": "peak", "chargers": int(count), "seconds": seconds}:
                work = ClosedLoop(self.chargers[:count]).run(seconds)
            case {"do": "storm", "limit_s": limit_s}:
                work = Storm(self.chargers).run(limit_s)
            case {"do": "rest", "seconds": seconds}:
                work = self._rest(seconds)
            case {"do": "leave"}:
                work = self._leave(Charger.hang_up)
            case {"do": "vanish"}:
                work = self._leave(Charger.vanish)
            case {"do": "flood", "seconds": seconds, "who": who}:
                work = Flood(self._numbers, self._door).run(seconds, who)
            case _:
                raise ValueError(f"No such order: {order!r}.")
        return await work

    async def _rest(self, seconds: float) -> Order:
        resting = Phase(self.chargers)
        await asyncio.sleep(seconds)
        return resting.outcome()

    async def _leave(self, how: Callable[[Charger], None]) -> Order:
        leaving = Phase(self.chargers)
        for charger in self.chargers:
            how(charger)
        await asyncio.sleep(LEAVE_S)
        return leaving.outcome()


async def work() -> None:
    """Serve orders until standard input ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    first = json.loads(await orders.readline())
    fleet = Fleet(range(*first["numbers"]), Door(**first["door"]))
    # The fleet stays for good: the collector need not look at it again and again.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    while line := await orders.readline():
        report = await fleet.obey(json.loads(line))
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(work())
