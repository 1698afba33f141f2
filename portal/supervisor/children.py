"""One child process: started in a session of its own, logged, stopped with all its offspring.

Two promises beyond `subprocess`: Ctrl-C in the terminal reaches the supervisor alone (own session), and when the
supervisor is killed outright the kernel kills the child too (Linux: PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from portal.supervisor.loglines import RUN_BEGINS, Filter, LogFile

PR_SET_PDEATHSIG = 1
# Loaded here, before any fork: the child of a fork in a process with threads may only do what needs no lock.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

LINE_LIMIT_BYTES = 64 * 1024
# For the last lines of a child to be written; longer only if a stray in a session of its own holds the pipe open.
LAST_LINES_S = 1.0


def die_with_parent(parent_pid: int | None = None) -> None:
    """Have the kernel kill this process when the *thread* that forked it ends; nothing happens outside Linux.

    The kernel forgets it at each fork, so a child that forks on (Celery's pool) calls it again in its own children.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(1)  # the parent went between fork and here


@dataclass(frozen=True)
class Program:
    """What to run, under which name, how long it may take to stop, and as which user if not as ours."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 10.0
    user: str | None = None


class Backoff:
    """How long to wait before the next start: 1, 2, 4 … 30 s; from 1 again after a steady minute."""

    LONGEST_S = 30.0
    STEADY_S = 60.0

    def __init__(self) -> None:
        self._next_s = 1.0

    def after(self, uptime_s: float) -> float:
        """Seconds to wait after a run that lasted ``uptime_s``."""
        if uptime_s >= self.STEADY_S:
            self._next_s = 1.0
        delay_s, self._next_s = self._next_s, min(self._next_s * 2, self.LONGEST_S)
        return delay_s


class Child:
    """A program and the process that runs it, if one does. Start it from the main thread (see ``die_with_parent``)."""

    def __init__(self, program: Program, *, log_path: Path, cwd: Path, show: Callable[[str, str], None]) -> None:
        self.program = program
        self.log_path = log_path
        self.backoff = Backoff()
        self.restart_at_s: float | None = None
        self._cwd = cwd
        self._show = show
        self._process: subprocess.Popen[bytes] | None = None
        self._pump_thread: threading.Thread | None = None
        self._started_s = 0.0

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._started_s

    def start(self, *, show_output: bool = False) -> None:
        """Start the process. With ``show_output`` its stdout is ours, and only stderr goes to the log."""
        supervisor_pid = os.getpid()
        self.restart_at_s = None
        self._started_s = time.monotonic()
        self._process = subprocess.Popen(
            self.program.command,
            cwd=self._cwd,
            env=os.environ | self.program.env,
            stdin=subprocess.DEVNULL,
            stdout=None if show_output else subprocess.PIPE,
            stderr=subprocess.PIPE if show_output else subprocess.STDOUT,
            start_new_session=True,
            user=self.program.user,
            # After the change of user, which makes the kernel forget it.
            preexec_fn=lambda: die_with_parent(supervisor_pid),  # noqa: PLW1509
        )
        stream = self._process.stderr if show_output else self._process.stdout
        assert stream is not None
        self._pump_thread = threading.Thread(target=self._pump, args=(stream,), name=f"log-{self.name}", daemon=True)
        self._pump_thread.start()

    def exit_code(self) -> int | None:
        """None while it runs (or never ran). At its end its log is complete, and what it left in its session killed."""
        if self._process is None:
            return None
        # Once only: later the kernel may have given the number to somebody else's session.
        if self._process.returncode is None and self._process.poll() is not None:
            self._kill_session()
            if self._pump_thread:
                self._pump_thread.join(LAST_LINES_S)
        return self._process.returncode

    def is_running(self) -> bool:
        return self._process is not None and self.exit_code() is None

    def ask_to_stop(self) -> None:
        if self._process is not None and self.is_running():
            self._process.terminate()

    def kill(self) -> None:
        """End it and its offspring now."""
        if self._process is not None and self.is_running():
            self._kill_session()
            self._process.wait()

    def _kill_session(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _pump(self, stream: IO[bytes]) -> None:
        log, lines = LogFile(self.log_path), Filter()
        with contextlib.closing(log), stream:
            log.write(f"{RUN_BEGINS}{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, process {self.pid}\n".encode())
            begun = b""
            while chunk := cast("BufferedReader", stream).read1(LINE_LIMIT_BYTES):
                log.write(chunk)
                *whole, begun = (begun + chunk).split(b"\n")
                if len(begun) > LINE_LIMIT_BYTES:
                    whole, begun = [*whole, begun], b""
                self._show_what_matters(whole, lines)
            self._show_what_matters([begun], lines)

    def _show_what_matters(self, said: list[bytes], lines: Filter) -> None:
        for line in said:
            if text := lines.shown(line.decode(errors="replace")):
                self._show(self.name, text)


def how_it_ended(exit_code: int) -> str:
    """An exit code in words: "exit code 1", "SIGKILL"."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-exit_code).name
    return f"signal {-exit_code}"
