"""Which processes a running yard has. Linux: reads /proc."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    command: str


# How each part is recognised in its command line.
MARKS = {
    "valkey": "valkey-server",
    "nats": "nats-server",
    "serve": "manage.py serve",
    "worker": "celery -A portal.celery worker",
    "beat": "celery -A portal.celery beat",
}


def processes() -> list[Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # it has just ended
        found.append(Process(int(folder.name), parent, command))
    return found


def pid_of(part: str, supervisor: int) -> int | None:
    """The process of a part that this supervisor started."""
    mark = MARKS[part]
    return next((p.pid for p in processes() if p.parent == supervisor and mark in p.command), None)


def children(parent: int) -> list[int]:
    return [p.pid for p in processes() if p.parent == parent]


def descendants(supervisor: int) -> list[Process]:
    """Everything that the supervisor started, directly or not."""
    alive = processes()
    family, grown = {supervisor}, True
    while grown:
        more = {p.pid for p in alive if p.parent in family} - family
        family |= more
        grown = bool(more)
    return [p for p in alive if p.pid in family and p.pid != supervisor]
