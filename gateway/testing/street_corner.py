"""Simulated chargers for tests: one on a clock that is moved by hand, one on a real socket. No drivers, no chance."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from gateway.simulator.agenda import Agenda, steady_clock
from gateway.simulator.agent import Agent
from gateway.simulator.car import Car
from gateway.simulator.charger import Charger, Make
from gateway.simulator.events import Event
from gateway.simulator.fleet import DIALECTS
from gateway.simulator.link import Endpoint
from gateway.simulator.pace import Pace
from gateway.simulator.stats import Stats
from gateway.testing.foreign_csms import ForeignCsms

AC = Make("Acme", "Wallbox 22", "1.4.2", 22_080)
DC = Make("Kilowatt", "Rapid 150", "5.1.3", 150_000)
NOON = 1_773_489_600.0
"""2026-03-14 12:00 UTC."""

E = TypeVar("E", bound=Event)


def small_car(soc: float = 0.5, **fields: float) -> Car:
    """Takes 11 kW on three phases, 100 kW on DC, and is full at 80 %."""
    values = {"battery_wh": 50_000, "target_soc": 0.8, "ac_power_w": 11_040, "ac_phases": 3, "dc_power_w": 100_000}
    return Car(soc=soc, **(values | fields))  # type: ignore[arg-type]


def _no_chance() -> random.Random:
    return random.Random(7)  # noqa: S311


async def until(is_so: Callable[[], bool], *, within_s: float = 5.0) -> None:
    """Wait for what no event announces."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 (there is nothing to wait on)
            await asyncio.sleep(0.01)


class StillWorld:
    """One charger and a clock that stands until `wait` moves it. `told` is all that the charger said."""

    def __init__(self, make: Make = AC, *, connectors: int = 2, day_s: float | None = None) -> None:
        self.now = NOON
        self.agenda = Agenda(lambda: self.now)
        pace = Pace.of_day(day_s, now=NOON)
        self.charger = Charger("CP-1", make, connectors=connectors, agenda=self.agenda, pace=pace, chance=_no_chance())
        self.told: list[Event] = []
        self.charger.listeners.append(self.told.append)

    def wait(self, seconds: float) -> None:
        """Let time pass; everything happens at its moment."""
        until = self.now + seconds
        while (due_at := self.agenda.next_at()) is not None and due_at <= until:
            self.now = max(self.now, due_at)
            self.agenda.run_due()
        self.now = until

    def of(self, kind: type[E]) -> list[E]:
        """What was told of one kind."""
        return [event for event in self.told if isinstance(event, kind)]


@asynccontextmanager
async def on_the_wire(
    csms: ForeignCsms,
    ocpp: str,
    *,
    identity: str = "CP-1",
    make: Make = AC,
    connectors: int = 2,
    day_s: float = 20.0,
    password: str | None = None,
) -> AsyncIterator[Agent]:
    """A charger that dials the CSMS and lives at a demo's pace; its cars come when the test plugs them in."""
    agenda = Agenda(steady_clock())
    agenda.start(asyncio.get_running_loop())
    charger = Charger(
        identity,
        make,
        connectors=connectors,
        agenda=agenda,
        pace=Pace.of_day(day_s, now=agenda.now()),
        chance=_no_chance(),
    )
    agent = Agent(charger, DIALECTS[ocpp], Endpoint.of(csms.url), password, stats=Stats(lambda _: None))
    life = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        agenda.stop()
        await agent.close()
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
