"""What each part of the yard costs: CPU seconds and memory of its processes, from /proc. Linux.

A part is recognised by its command line among the descendants of this process, one that serves also by whom its
environment says it serves.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from portal.bench.plain import PREFIX as PLAIN_PREFIX
from portal.drill import victims

# The first that fits counts.
MARKS = (
    ("plain bridge", "-m portal.bench.plain"),
    ("plain worker", "celery -A portal.bench.plain"),
    ("generator", "-m portal.bench.generator"),
    ("generator", "-m portal.bench.desk"),
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
        for process in victims.descendants(os.getpid())
        if (part := part_of(process.command, partial(_environment, process.pid))) is not None
    ]


def part_of(command: str, environment: Callable[[], dict[str, str]] = dict) -> str | None:
    """``environment`` is asked only of what serves."""
    part = next((part for part, mark in MARKS if mark in command), None)
    if part == "gateway":
        told = environment()
        if told.get("MQTT_PREFIX") == PLAIN_PREFIX:
            return "plain gateway"
        if told.get("ROLE") == "portal":
            return "portal"
    return part


def cpu_s() -> dict[Member, float]:
    """CPU seconds that each process has used so far."""
    return {member: _cpu_s(member) for member in members()}


def spent(before: dict[Member, float], after: dict[Member, float]) -> dict[str, float]:
    """What each part has used between two readings; all that a process has used which came after the first."""
    used: defaultdict[str, float] = defaultdict(float)
    for member, seconds in after.items():
        used[member.part] += seconds - before.get(member, 0.0)
    return {part: round(seconds, 2) for part, seconds in used.items() if seconds > 0}


def memory_bytes(part: str) -> int:
    """What the part's processes hold: PSS, so that shared pages count once."""
    return sum(_pss_bytes(member.pid) for member in members() if member.part == part)


def _environment(pid: int) -> dict[str, str]:
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _cpu_s(member: Member) -> float:
    try:
        fields = Path(f"/proc/{member.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it has just ended
    # What the supervisor's children used was theirs; what PostgreSQL's used is nowhere else once they have ended.
    last = 13 if member.part == "supervisor" else 15
    return sum(map(int, fields[11:last])) / TICKS


def _pss_bytes(pid: int) -> int:
    try:
        lines: Iterator[str] = iter(Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
