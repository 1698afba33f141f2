"""A fleet of simulated chargers in one process: who they are, how they come up, and how they leave."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gateway.simulator.agenda import Agenda, steady_clock
from gateway.simulator.agent import Agent
from gateway.simulator.charger import Charger, Make
from gateway.simulator.dialect import Dialect
from gateway.simulator.jobs import FAULTS
from gateway.simulator.link import Endpoint
from gateway.simulator.ocpp16 import OCPP16
from gateway.simulator.ocpp21 import OCPP21
from gateway.simulator.ocpp201 import OCPP201
from gateway.simulator.pace import Pace
from gateway.simulator.stats import Stats
from gateway.simulator.street import Street

DIALECTS: dict[str, Dialect] = {"1.6": OCPP16, "2.0.1": OCPP201, "2.1": OCPP21}
MAKES = (
    Make("Acme", "Wallbox 22", "1.4.2", 22_080),
    Make("Voltaire", "Duo 11", "3.0.1", 11_040),
    Make("Northwind", "Post 22", "2.7.0", 22_080),
    Make("Kilowatt", "Rapid 150", "5.1.3", 150_000),
)
TOKENS = tuple(f"04C0FFEE{n:06X}" for n in range(1, 21))
"""Whom the drivers of a fleet without a file claim to be. Register them, or accept that they are turned away."""
GOODBYE_S = 5.0


class FleetError(ValueError):
    """A fleet that cannot be built; the message says what and what to do."""


@dataclass(frozen=True, slots=True)
class Member:
    identity: str
    ocpp: str
    make: Make
    connectors: int
    password: str | None
    firmware_fault: str = ""
    """See `gateway.simulator.jobs`."""


@dataclass(slots=True)
class Plan:
    """What to simulate. Build `members` with `named`, `numbered` or `from_file`."""

    url: str
    members: list[Member]
    tokens: tuple[str, ...] = TOKENS
    day_s: float | None = None
    seed: int | None = None
    ramp_per_s: float = 50.0
    duration_s: float | None = None


def numbered(count: int, *, ocpp: str, prefix: str, password: str | None, connectors: int) -> list[Member]:
    """`count` chargers called prefix + number; the rest as in `named`."""
    identities = [f"{prefix}{n:05d}" for n in range(1, count + 1)]
    return named(identities, ocpp=ocpp, password=password, connectors=connectors)


def named(identities: Sequence[str], *, ocpp: str, password: str | None, connectors: int) -> list[Member]:
    """Chargers of these identities, of the makes in turn; `mixed` alternates the versions."""
    versions = itertools.cycle(DIALECTS) if ocpp == "mixed" else itertools.repeat(ocpp)
    return [
        Member(identity, version, make, connectors, password)
        for identity, version, make in zip(identities, versions, itertools.cycle(MAKES))
    ]


def from_file(path: Path) -> tuple[list[Member], tuple[str, ...]]:
    """Chargers and tokens of a fleet file. Raises FleetError naming the entry that is wrong."""
    try:
        fleet = orjson.loads(path.read_bytes())
    except OSError as error:
        raise FleetError(f"Fleet file {str(path)!r} cannot be read: {error.strerror}.") from error
    except orjson.JSONDecodeError as error:
        raise FleetError(f"Fleet file {str(path)!r} is not JSON: {error}.") from error
    if not isinstance(fleet, dict) or not isinstance(fleet.get("chargers"), list):
        raise FleetError(f"Fleet file {str(path)!r} has no list 'chargers'.")
    members = [_member(entry, f"{str(path)!r}, charger {n}") for n, entry in enumerate(fleet["chargers"], 1)]
    return members, tuple(fleet.get("tokens") or TOKENS)


def _member(entry: Any, where: str) -> Member:
    if not isinstance(entry, dict) or not entry.get("identity"):
        raise FleetError(f"Fleet file {where} has no 'identity'.")
    if entry.get("ocpp", "1.6") not in DIALECTS:
        raise FleetError(f"Fleet file {where}: ocpp {entry['ocpp']!r} is not simulated; use one of {list(DIALECTS)}.")
    default = MAKES[0]
    try:
        make = Make(
            str(entry.get("vendor", default.vendor)),
            str(entry.get("model", default.model)),
            str(entry.get("firmware", default.firmware)),
            float(entry.get("max_power_w", default.max_power_w)),
        )
        connectors = int(entry.get("connectors", 1))
    except (TypeError, ValueError) as error:
        raise FleetError(f"Fleet file {where}: {error}.") from error
    fault = entry.get("firmware_fault", "")
    if fault and fault not in FAULTS:
        raise FleetError(f"Fleet file {where}: firmware_fault {fault!r} is none of {', '.join(FAULTS)}.")
    return Member(str(entry["identity"]), entry.get("ocpp", "1.6"), make, connectors, entry.get("password"), fault)


@dataclass(slots=True)
class Fleet:
    """The running fleet. `agents` fills as chargers come up."""

    plan: Plan
    notice: Callable[[str], None]
    agents: list[Agent] = field(default_factory=list)
    stats: Stats = field(init=False)
    agenda: Agenda = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stats = Stats(self.notice)
        self.agenda = Agenda(steady_clock())

    async def run(self, stop: asyncio.Event) -> None:
        """Bring the chargers up at the ramp's pace, let them live until `stop` or the duration, then hang up."""
        self.agenda.start(asyncio.get_running_loop())
        rising = asyncio.create_task(self._rise())
        try:
            async with asyncio.timeout(self.plan.duration_s):
                await stop.wait()
        except TimeoutError:
            pass
        finally:
            rising.cancel()
            await asyncio.gather(rising, return_exceptions=True)
            await self._close()

    async def _rise(self) -> None:
        pace = Pace.of_day(self.plan.day_s, now=self.agenda.now())
        endpoint = Endpoint.of(self.plan.url)
        began_at = self.agenda.now()
        for position, (member, chance) in enumerate(zip(self.plan.members, self._chances(), strict=False)):
            wait_s = began_at + position / self.plan.ramp_per_s - self.agenda.now()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._bring_up(member, endpoint, pace, chance)

    def _chances(self) -> Iterator[random.Random]:
        """A generator of its own for each charger, so that one's luck does not hang on another's."""
        seeds = random.Random(self.plan.seed)  # noqa: S311
        while True:
            yield random.Random(seeds.getrandbits(64))  # noqa: S311

    def _bring_up(self, member: Member, endpoint: Endpoint, pace: Pace, chance: random.Random) -> None:
        charger = Charger(
            member.identity, member.make, connectors=member.connectors, agenda=self.agenda, pace=pace, chance=chance
        )
        charger.firmware_fault = member.firmware_fault
        agent = Agent(charger, DIALECTS[member.ocpp], endpoint, member.password, stats=self.stats)
        # Who simulates a single charger wants to see it charge.
        Street(charger, self.plan.tokens).open(busy_share=1.0 if len(self.plan.members) == 1 else 0.4)
        self.agents.append(agent)
        self._tasks.append(asyncio.create_task(agent.run()))

    async def _close(self) -> None:
        self.agenda.stop()
        goodbyes = [asyncio.create_task(agent.close()) for agent in self.agents]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=GOODBYE_S)
        for task in (*goodbyes, *self._tasks):
            task.cancel()
        await asyncio.gather(*goodbyes, *self._tasks, return_exceptions=True)


async def simulate(
    plan: Plan, *, notice: Callable[[str], None], watch: Callable[[Fleet], None], every_s: float
) -> Fleet:
    """Run a fleet until SIGINT, SIGTERM or its duration; `watch` looks at it every `every_s` seconds."""
    fleet, stop = Fleet(plan, notice), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def look() -> None:
        watch(fleet)
        fleet.agenda.after(every_s, look)

    fleet.agenda.after(every_s, look)
    try:
        await fleet.run(stop)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return fleet
