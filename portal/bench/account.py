"""What each part of the yard costs: CPU seconds and memory of its processes, from /proc. Linux.

A part is recognised by its command line among the descendants of this process. CPU includes children that have ended.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.bench import processes

# The first that fits counts.
MARKS = (
    ("plain bridge", "-m portal.bench.plain"),
    ("plain worker", "celery -A portal.bench.plain"),
    ("plain gateway", "manage.py serve --role gateway"),
    ("generator", "-m portal.bench.generator"),
    ("gateway", "manage.py serve"),
    ("worker", "celery -A portal.celery worker"),
    ("beat", "celery -A portal.celery beat"),
    ("supervisor", "manage.py up"),
    ("broker", "nats-server"),
    ("broker", "mosquitto"),
    ("redis", "valkey-server"),
    ("redis", "redis-server"),
    ("database", "postgres"),
)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Member:
    """A process and the part that it belongs to."""

    part: str
    pid: int


def members() -> list[Member]:
    """The processes of all parts below this process."""
    return [
        Member(part, process.pid)
        for process in processes.descendants(os.getpid())
        if (part := part_of(process.command)) is not None
    ]


def part_of(command: str) -> str | None:
    return next((part for part, mark in MARKS if mark in command), None)


def cpu_s() -> defaultdict[str, float]:
    """CPU seconds that each part has used so far."""
    used: defaultdict[str, float] = defaultdict(float)
    for member in members():
        used[member.part] += _cpu_s(member.pid)
    return used


def memory_bytes(part: str) -> int:
    """What the part's processes hold: PSS, so that shared pages count once."""
    return sum(_pss_bytes(member.pid) for member in members() if member.part == part)


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it has just ended
    return sum(map(int, fields[11:15])) / TICKS


def _pss_bytes(pid: int) -> int:
    try:
        lines: Iterator[str] = iter(Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
