"""A process of the load: takes orders as JSON lines on standard input, reports on each as a JSON line.

Has neither Django nor a WebSocket library: what the generators cost must not count against the yard's two cores.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
from typing import Any

import uvloop

from portal.bench.charger import Charger, Door
from portal.bench.load import Arrival, ClosedLoop, Offered, Phase, Storm

Order = dict[str, Any]


class Fleet:
    """The chargers of this process."""

    def __init__(self, numbers: range, door: Door) -> None:
        nobody = Phase([])
        self.chargers = [Charger(number, door, nobody) for number in numbers]

    async def obey(self, order: Order) -> Order:
        """Carry out one order and report. Raises ValueError for one that it does not know."""
        match order:
            case {"do": "arrive", "window": int(window), "limit_s": limit_s}:
                return await Arrival(self.chargers, window=window, is_opening=True).run(limit_s)
            case {"do": "offer", "rate": rate, "seconds": seconds}:
                return await Offered(self.chargers).run(rate, seconds)
            case {"do": "peak", "chargers": int(count), "seconds": seconds}:
                return await ClosedLoop(self.chargers[:count]).run(seconds)
            case {"do": "storm", "limit_s": limit_s}:
                return await Storm(self.chargers).run(limit_s)
            case {"do": "rest", "seconds": seconds}:
                resting = Phase(self.chargers)
                await asyncio.sleep(seconds)
                return resting.outcome()
            case {"do": "leave"}:
                return await self._leave()
        raise ValueError(f"No such order: {order!r}.")

    async def _leave(self) -> Order:
        leaving = Phase(self.chargers)
        for charger in self.chargers:
            charger.hang_up()
        await asyncio.sleep(1)
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
