"""The fleet's process, seen from where it is ordered about, and what it reported second by second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from portal.bench.charger import Door
from portal.bench.histogram import Histogram
from portal.chaos.fleet import LONGEST_ONLINE
from portal.supervisor.children import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
Row = dict[str, Any]


class FleetLost(RuntimeError):
    """The process of the chargers has ended; its history is cut short."""


class Timeline:
    """What happened in which second. ``at`` is `time.monotonic` of the end of a second."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    @property
    def latest(self) -> Row:
        return self.rows[-1] if self.rows else {"at": 0.0, "connected": 0, "queued": 0, "busy": 0, "acknowledged": 0}

    def between(self, begin: float, end: float) -> list[Row]:
        return [row for row in self.rows if begin < row["at"] <= end]

    def total(self, name: str, begin: float = 0.0, end: float = float("inf")) -> int:
        return sum(row[name] for row in self.between(begin, end))

    def most(self, name: str, begin: float, end: float) -> float:
        return max((float(row[name]) for row in self.between(begin, end)), default=0.0)

    def times(self, begin: float, end: float) -> Histogram:
        """How long answers took that came in these seconds."""
        return sum((Histogram.load(row["times"]) for row in self.between(begin, end)), start=Histogram())

    def counts(self, name: str, begin: float = 0.0, end: float = float("inf")) -> dict[str, int]:
        """Closes by code or refusals by status."""
        found: Counter[str] = Counter()
        for row in self.between(begin, end):
            found.update(row[name])
        return dict(found)

    def first(self, name: str, least: float, since: float) -> float | None:
        """When ``name`` was at least so much for the first time since then, in seconds after it; None: never yet."""
        return next((row["at"] - since for row in self.rows if row["at"] > since and row[name] >= least), None)


class Fleet:
    """The chargers, living while the block runs."""

    def __init__(self, *, chargers: int, rate: float, seed: int, door: Door, history: Path) -> None:
        self.chargers, self.rate = chargers, rate
        self.timeline = Timeline()
        self._told = {
            "chargers": chargers,
            "rate": rate,
            "seed": seed,
            "door": asdict(door),
            "history": str(history),
        }

    def __enter__(self) -> Self:
        parent_pid = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "portal.chaos.fleet"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent_pid),  # noqa: PLW1509
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="fleet", daemon=True)
        self._reader.start()
        self._say(self._told)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()

    def order(self, do: str, **options: Any) -> None:
        self._say({"do": do, **options})

    def look(self) -> Row:
        """The latest second. Raises FleetLost."""
        if self._process.poll() is not None:
            raise FleetLost(f"The process of the chargers ended with code {self._process.returncode}.")
        return self.timeline.latest

    def is_quiet(self) -> bool:
        """All are connected, and no more records wait than do on a good day."""
        row = self.look()
        return bool(row["connected"] == self.chargers and row["queued"] <= LONGEST_ONLINE * self.chargers)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.timeline.rows.append(json.loads(line) | {"at": time.monotonic()})

    def _say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise FleetLost("The process of the chargers has ended.") from None
