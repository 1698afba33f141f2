"""What can go wrong, by name: ``kind:target[@seconds]``. A fault strikes, lasts, and is over when its part is back.

The parts: gateway, worker, child (one of the worker's processes), broker, redis, beat, database. The lines: as `Lines`
calls them. What heals is not here: that is the yard's own business.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from portal.chaos import disk
from portal.chaos.building import GATEWAYS
from portal.chaos.proxy import Proxy, Weather
from portal.chaos.site import Site
from portal.chaos.timeline import Fleet

HOUR_S, YEAR_S = 3600.0, 365 * 86400.0
CLOCKS = {"+1h": HOUR_S, "-1h": -HOUR_S, "+10y": 10 * YEAR_S, "-10y": -10 * YEAR_S}
WEATHERS = {
    "slow": Weather(latency_s=0.3),
    "narrow": Weather(bytes_per_s=20_000),
    "slices": Weather(slice_bytes=7),
}
LINES = ("charger-gateway", "gateway-broker", "worker-broker", "redis")
DATABASE_LINES = ("gateway-database", "worker-database")


@dataclass(slots=True)
class Stage:
    """Where a fault strikes."""

    site: Site
    fleet: Fleet
    random: Random

    def one_of(self, part: str) -> str:
        """One of the processes of that part."""
        return self.random.choice([name for name in self.site.parts if name.startswith(part)])

    def all_of(self, part: str) -> list[str]:
        return [name for name in self.site.parts if name.startswith(part)]


@dataclass(frozen=True, slots=True)
class Fault:
    """``lasts_s``: 0 where it is over at once. ``strike`` returns when the part is back."""

    name: str
    lasts_s: float
    strike: Callable[[Stage, float], None]
    is_of: str = "both"  # "embedded" or "production": on these parts only

    def why_not(self, kind: str) -> str:
        """Why it cannot be had here; "" if it can."""
        if self.is_of not in ("both", kind):
            return f"there is no such thing on {kind} parts"
        return disk.why_not() if self.name == "full:disk" else ""


def every(kind: str) -> dict[str, Fault]:
    """All faults of these parts, by name."""
    return {fault.name: fault for fault in _all() if fault.is_of in ("both", kind)}


def chosen(text: str, kind: str) -> list[Fault]:
    """The faults that a comma-separated list names. Raises ValueError naming the one that there is not."""
    known, found = {fault.name: fault for fault in _all()}, []
    for word in filter(None, text.split(",")):
        name, _, seconds = word.strip().partition("@")
        fault = known.get(name)
        if fault is None or (seconds and not seconds.replace(".", "", 1).isdecimal()):
            raise ValueError(f"There is no fault {word!r}; on {kind} parts there are {', '.join(every(kind))}.")
        if why := fault.why_not(kind):
            raise ValueError(f"{word!r} cannot be: {why}.")
        lasts_s = float(seconds) if seconds else fault.lasts_s
        found.append(Fault(word.strip(), lasts_s, fault.strike, fault.is_of))
    return found


def _all() -> Iterator[Fault]:
    for part in ("gateway", "worker", "broker", "redis", "beat"):
        yield Fault(f"kill:{part}", 0, _kill(part))
    yield Fault("kill:database", 0, _kill("database"), "production")
    yield Fault("kill:child", 0, lambda stage, _: stage.site.kill_child(stage.one_of("worker")))
    for part, lasts_s in (("gateway", 8.0), ("worker", 8.0), ("broker", 20.0), ("redis", 8.0)):
        yield Fault(f"freeze:{part}", lasts_s, _freeze(part))
    yield Fault("freeze:database", 8.0, _freeze("database"), "production")
    yield Fault("wipe:broker", 0, _wipe("broker"))
    yield Fault("wipe:redis", 0, _wipe("redis"))
    yield Fault("away:broker", 20.0, _away("broker"))
    yield Fault("away:redis", 20.0, _away("redis"))
    yield Fault("away:worker", 25.0, _away("worker"))
    yield Fault("away:database", 60.0, _database_away)
    yield Fault("full:disk", 15.0, _disk_full)
    yield Fault("roll:gateway", 0, _roll("gateway"))
    yield Fault("roll:worker", 0, _roll("worker"))
    for name, offset_s in CLOCKS.items():
        yield Fault(f"clock:{name}", 8.0, _clock(offset_s))
    for lines, is_of in ((LINES, "both"), (DATABASE_LINES, "production")):
        for line in lines:
            for kind, weather in WEATHERS.items():
                yield Fault(f"{kind}:{line}", 8.0, _weather(line, weather), is_of)
            yield Fault(f"pause:{line}", 8.0, _pause(line), is_of)
            yield Fault(f"shut:{line}", 8.0, _shut(line), is_of)
            yield Fault(f"cut:{line}", 0, _cut(line), is_of)
            yield Fault(f"deaf:{line}", 0, _deaf(line), is_of)


Strike = Callable[[Stage, float], None]


def _kill(part: str) -> Strike:
    """It is back when it runs; a database when it has made good what it lost, which is its own work and not ours."""

    def strike(stage: Stage, _: float) -> None:
        name = stage.one_of(part)
        stage.site.kill(name)
        stage.site.wait_until(stage.site.parts[name].child.is_running, 30)
        if part == "database":
            stage.site.wait_ready(name)

    return strike


def _freeze(part: str) -> Strike:
    def strike(stage: Stage, seconds: float) -> None:
        name = stage.one_of(part)
        stage.site.freeze(name)
        stage.site.wait(seconds)
        stage.site.thaw(name)

    return strike


def _away(part: str) -> Strike:
    def strike(stage: Stage, seconds: float) -> None:
        with _held_down(stage, part):
            stage.site.wait(seconds)

    return strike


def _wipe(part: str) -> Strike:
    """It comes back without anything that it knew."""

    def strike(stage: Stage, _: float) -> None:
        with _held_down(stage, part):
            for path in (stage.site.home / part).iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.suffix != ".conf":
                    path.unlink()

    return strike


@contextlib.contextmanager
def _held_down(stage: Stage, part: str) -> Iterator[None]:
    names = stage.all_of(part)
    for name in names:
        stage.site.hold_down(name)
    try:
        yield
    finally:
        for name in names:
            stage.site.release(name)


def _database_away(stage: Stage, seconds: float) -> None:
    """PostgreSQL is killed and stays away. SQLite cannot be killed: somebody else holds its lock."""
    if not stage.site.is_embedded:
        _away("database")(stage, seconds)
        return
    with contextlib.closing(sqlite3.connect(stage.site.database, timeout=60, isolation_level=None)) as database:
        database.execute("PRAGMA wal_autocheckpoint=0")
        database.execute("BEGIN IMMEDIATE")
        stage.site.wait(seconds)
        database.execute("ROLLBACK")


def _disk_full(stage: Stage, seconds: float) -> None:
    assert stage.site.disk is not None
    stage.site.disk.fill()
    stage.site.wait(seconds)
    stage.site.disk.make_room()


def _roll(part: str) -> Strike:
    """Each process of the part is asked to stop and replaced, the next one when it serves."""

    def strike(stage: Stage, _: float) -> None:
        for name in stage.all_of(part):
            stage.site.restart(name)
            stage.site.wait_ready(name)
            stage.site.wait_ready(*GATEWAYS)  # their word that a worker is there

    return strike


def _clock(offset_s: float) -> Strike:
    """Half of the chargers have another time for a while, and then the right one again."""

    def strike(stage: Stage, seconds: float) -> None:
        stage.fleet.order("clock", seconds=offset_s, share=0.5)
        stage.site.wait(seconds)
        stage.fleet.order("clock", seconds=0.0, share=0.5)

    return strike


def _weather(line: str, weather: Weather) -> Strike:
    def strike(stage: Stage, seconds: float) -> None:
        stage.site.lines.set_weather(line, weather)
        stage.site.wait(seconds)
        stage.site.lines.clear_up(line)

    return strike


def _pause(line: str) -> Strike:
    def strike(stage: Stage, seconds: float) -> None:
        stage.site.lines.with_(line, Proxy.pause)
        stage.site.wait(seconds)
        stage.site.lines.clear_up(line)

    return strike


def _shut(line: str) -> Strike:
    """Cut, and whoever dials is refused."""

    def strike(stage: Stage, seconds: float) -> None:
        stage.site.lines.shut(line)
        stage.site.lines.with_(line, Proxy.cut)
        stage.site.wait(seconds)
        stage.site.lines.clear_up(line)

    return strike


def _cut(line: str) -> Strike:
    def strike(stage: Stage, _: float) -> None:
        stage.site.lines.with_(line, Proxy.cut)

    return strike


def _deaf(line: str) -> Strike:
    """Half-open: nobody is told, and new connections are good."""

    def strike(stage: Stage, _: float) -> None:
        stage.site.lines.with_(line, Proxy.deafen)

    return strike
