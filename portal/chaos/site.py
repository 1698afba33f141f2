"""A yard whose parts can be broken one by one: each process under our hand, a line with a proxy between each pair.

Whatever ends is started again at once, unless it is held down. All methods belong to the main thread; `building` makes
one.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from portal.bench import processes
from portal.bench.yard import YardFailed
from portal.chaos import disk
from portal.chaos.proxy import Lines
from portal.supervisor.children import Child, Program

ROOT = Path(__file__).resolve().parents[2]
TICK_S = 0.05
READY_S = 90.0
# A part that does not start, say a database whose old processes are still there, is tried again after so long.
AGAIN_S = 0.5


@dataclass(slots=True)
class Part:
    """``missing``: what keeps it from serving, "" when it does; ``is_wanted``: it is to run."""

    name: str
    child: Child
    missing: Callable[[], str]
    is_wanted: bool = True
    ended_at: float = 0.0

    def serves(self) -> bool:
        return self.child.is_running() and not self.missing()

    def tend(self) -> None:
        if self.child.is_running() or not self.is_wanted:
            return
        now = time.monotonic()
        self.ended_at = self.ended_at or now
        if now - self.ended_at >= AGAIN_S:
            self.ended_at = 0.0
            self.child.start()


@dataclass(slots=True)
class Site:
    """A running yard. ``env``: of its own processes, without the lines; ``port``: the door for chargers."""

    kind: str
    home: Path
    lines: Lines
    env: dict[str, str]
    port: int = 0
    disk: disk.Disk | None = None  # the database's own small one, where there is one
    parts: dict[str, Part] = field(default_factory=dict)
    gateway_ports: dict[str, int] = field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        return self.kind == "embedded"

    @property
    def workers(self) -> list[str]:
        return [name for name in self.parts if name.startswith("worker")]

    @property
    def database(self) -> Path:
        """The SQLite file of embedded parts."""
        return self.home / "disk" / "chargeyard.sqlite3"

    # -- time --------------------------------------------------------------------------------------------------------

    def tend(self) -> None:
        for part in self.parts.values():
            part.tend()

    def wait(self, seconds: float) -> None:
        """Let time pass; whatever ends meanwhile is started again."""
        self.wait_until(lambda: False, seconds)

    def wait_until(self, look: Callable[[], object], within_s: float) -> bool:
        """Whether ``look`` became true in that time."""
        end = time.monotonic() + within_s
        while not look():
            if time.monotonic() >= end:
                return False
            self.tend()
            time.sleep(TICK_S)
        return True

    def wait_ready(self, *names: str, within_s: float = READY_S) -> None:
        """Raises YardFailed with the end of the log of a part that does not come up."""
        for name in names:
            part = self.parts[name]
            if not self.wait_until(part.serves, within_s):
                log = part.child.log_path.read_text(errors="replace")[-3000:] if part.child.log_path.exists() else ""
                raise YardFailed(f"{name} did not come up within {within_s:.0f} s: {part.missing()}\n{log}")

    # -- what can be done to a part ----------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """SIGKILL; it is started again at once."""
        self._signal(name, signal.SIGKILL)
        self.parts[name].child.kill()

    def kill_child(self, name: str) -> None:
        """SIGKILL one of the processes that a part has started."""
        offspring = processes.children(self.parts[name].child.pid or 0)
        if offspring:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(offspring), signal.SIGKILL)  # noqa: S311

    def hold_down(self, name: str) -> None:
        """SIGKILL, with its whole offspring, and stay away until `release`."""
        part = self.parts[name]
        part.is_wanted = False
        offspring = processes.descendants(part.child.pid or 0)
        self.kill(name)
        for process in offspring:  # PostgreSQL's are in sessions of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def release(self, name: str) -> None:
        part = self.parts[name]
        part.is_wanted, part.ended_at = True, 0.0
        part.child.start()

    def freeze(self, name: str) -> None:
        """SIGSTOP, with its offspring: it is there and does nothing."""
        self._signal(name, signal.SIGSTOP, with_offspring=True)

    def thaw(self, name: str) -> None:
        self._signal(name, signal.SIGCONT, with_offspring=True)

    def restart(self, name: str) -> None:
        """Ask it to stop, wait for its end, start it again."""
        part = self.parts[name]
        part.is_wanted = False
        part.child.ask_to_stop()
        if not self.wait_until(lambda: not part.child.is_running(), part.child.program.grace_s + 10):
            part.child.kill()
        self.release(name)

    def _signal(self, name: str, number: signal.Signals, *, with_offspring: bool = False) -> None:
        pid = self.parts[name].child.pid or 0
        family = [process.pid for process in processes.descendants(pid)] if with_offspring else []
        for each in (pid, *family):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)

    # -- building ----------------------------------------------------------------------------------------------------

    def add(self, name: str, program: Program, missing: Callable[[], str], *, cwd: Path = ROOT) -> None:
        named = Program(name, program.command, program.env, program.grace_s, program.user)
        part = self.parts[name] = Part(name, _child(named, self.home, cwd=cwd), missing)
        part.child.start()

    def stop(self) -> None:
        """The last started first."""
        for part in reversed(self.parts.values()):
            part.is_wanted = False
            with contextlib.suppress(ProcessLookupError):
                self.thaw(part.name)
            # SIGINT ends PostgreSQL at once, SIGTERM would wait for its clients.
            self._signal(part.name, signal.SIGINT if part.name == "database" else signal.SIGTERM)
            end = time.monotonic() + part.child.program.grace_s
            while part.child.is_running() and time.monotonic() < end:
                time.sleep(TICK_S)
            part.child.kill()


def _child(program: Program, home: Path, *, cwd: Path = ROOT) -> Child:
    log = home / "logs" / f"{program.name}.log"
    return Child(program, log_path=log, cwd=cwd, show=lambda _name, _text: None)
