"""The generator processes, from where they are told what to do; what they report is added up here."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from portal.bench.histogram import Histogram
from portal.bench.mix import identity
from portal.bench.yard import Yard
from portal.supervisor.children import die_with_parent
from portal.supervisor.home import Home
from portal.supervisor.ports import LOOPBACK

ROOT = Path(__file__).resolve().parents[2]
CHARGERS_PER_GENERATOR = 6000
# Each generator calls from an address of its own: one has 28,000 ports to call one door.
ADDRESSES = itertools.count(2)


class GeneratorLost(RuntimeError):
    """A process of the load has ended; its report is missing."""


class Report:
    """What all generators saw in one phase."""

    def __init__(self, parts: Sequence[dict[str, Any]]) -> None:
        self._parts = parts

    def __getitem__(self, name: str) -> int:
        """A count, 0 where the phase has none of that name."""
        return sum(part.get(name, 0) for part in self._parts)

    def times(self, name: str) -> Histogram:
        found = [Histogram.load(part[name]) for part in self._parts if name in part]
        return sum(found, start=Histogram())

    def refusals(self) -> dict[str, int]:
        """How many handshakes were refused, by HTTP status."""
        total: Counter[str] = Counter()
        for part in self._parts:
            total.update(part["refusals"])
        return dict(total)


class Crew:
    """As many generators as ``chargers`` need, running while the block runs; ``first``: number of the first charger.

    Each of ``ports`` (of as many gateways) gets the same share.
    """

    def __init__(
        self, chargers: int, *, ports: Sequence[int], password: str, host: str = LOOPBACK, first: int = 0
    ) -> None:
        per_door = math.ceil(chargers / CHARGERS_PER_GENERATOR / len(ports))
        self._numbers = shares(chargers, min(chargers, per_door * len(ports)), first=first)
        self._doors = [{"host": host, "port": port, "password": password} for port in ports]
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        for index, numbers in enumerate(self._numbers):
            process = _started("portal.bench.generator")
            self._processes.append(process)
            door = self._doors[index % len(self._doors)] | {"source": f"127.0.0.{next(ADDRESSES)}"}
            _say(process, {"numbers": numbers, "door": door})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def order(self, do: str, **options: Any) -> None:
        """Tell all generators what to do; `report` waits until they have done it."""
        for process in self._processes:
            _say(process, {"do": do, **options})

    def report(self) -> Report:
        """Raises GeneratorLost."""
        return Report([_hear(process) for process in self._processes])

    def do(self, order: str, **options: Any) -> Report:
        self.order(order, **options)
        return self.report()

    def split(self, total: float) -> float:
        """What one generator contributes to ``total``."""
        return total / len(self._processes)


class Desk:
    """`portal.bench.desk` at work while the block runs: people at the portal, and charger ``number`` as witness."""

    def __init__(self, yard: Yard, *, number: int, people: int, seconds: float) -> None:
        self._order = {
            "port": yard.port,
            "admin_password": Home(yard.home).read_admin_password(),
            "people": people,
            "seconds": seconds,
            "shown": identity(0),
            "number": number,
            "door": {
                "host": LOOPBACK,
                "port": yard.doors[0],
                "password": yard.password,
                "source": f"127.0.0.{next(ADDRESSES)}",
            },
        }

    def __enter__(self) -> Self:
        self._process = _started("portal.bench.desk")
        _say(self._process, self._order)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def report(self) -> dict[str, Any]:
        """Raises GeneratorLost."""
        return _hear(self._process)


def _started(module: str) -> subprocess.Popen[str]:
    parent_pid = os.getpid()
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent_pid),  # noqa: PLW1509
    )  # fmt: skip
    # The last core: what the load takes there is not what the yard takes.
    os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
    return process


def _say(process: subprocess.Popen[str], order: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise GeneratorLost(f"A process of the load ended with code {process.wait()}; its error stands above.")
    report: dict[str, Any] = json.loads(line)
    return report


def shares(total: int, parts: int, *, first: int = 0) -> list[tuple[int, int]]:
    """``total`` numbers from ``first`` on cut into ``parts`` ranges that differ by one at most."""
    cuts = [first + round(total * part / parts) for part in range(parts + 1)]
    return list(itertools.pairwise(cuts))
