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
from portal.supervisor.children import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
CHARGERS_PER_GENERATOR = 6000
HISTOGRAMS = ("answers", "opened_at", "handshakes", "through_at", "lateness")


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
    """As many generators as ``chargers`` need, running while the block runs."""

    def __init__(self, chargers: int, *, port: int, password: str, host: str = "127.0.0.1") -> None:
        self._numbers = shares(chargers, math.ceil(chargers / CHARGERS_PER_GENERATOR))
        self._door = {"host": host, "port": port, "password": password}
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        parent_pid = os.getpid()
        for index, numbers in enumerate(self._numbers):
            process = subprocess.Popen(
                [sys.executable, "-m", "portal.bench.generator"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent_pid),  # noqa: PLW1509
            )  # fmt: skip
            # The last core: what the load takes there is not what the yard takes.
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
            self._processes.append(process)
            self._say(process, {"numbers": numbers, "door": self._door | {"source": f"127.0.0.{index + 2}"}})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def order(self, do: str, **options: Any) -> None:
        """Tell all generators what to do; `report` waits until they have done it."""
        for process in self._processes:
            self._say(process, {"do": do, **options})

    def report(self) -> Report:
        """Raises GeneratorLost."""
        parts = []
        for process in self._processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise GeneratorLost(f"A generator ended with code {process.wait()}; its error stands above.")
            parts.append(json.loads(line))
        return Report(parts)

    def do(self, order: str, **options: Any) -> Report:
        self.order(order, **options)
        return self.report()

    def split(self, total: float) -> float:
        """What one generator contributes to ``total``."""
        return total / len(self._processes)

    @staticmethod
    def _say(process: subprocess.Popen[str], order: dict[str, Any]) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()


def shares(total: int, parts: int) -> list[tuple[int, int]]:
    """0…``total`` cut into ``parts`` ranges that differ by one at most."""
    cuts = [round(total * part / parts) for part in range(parts + 1)]
    return list(itertools.pairwise(cuts))
