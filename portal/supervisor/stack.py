"""Children in order: start one after the other, wait until each is ready, restart what ends, stop in reverse."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from portal.supervisor.children import Child, Program, how_it_ended
from portal.supervisor.console import Console, short
from portal.supervisor.loglines import tail
from portal.supervisor.signals import Signals

POLL_S = 0.1


class StartFailed(Exception):
    """The stack cannot run; the text says which part, why, and the way out."""


class StopRequested(Exception):
    """Somebody asked to stop while a step was waiting."""


class Stack:
    """The running parts. All methods belong to the main thread."""

    def __init__(self, *, console: Console, signals: Signals, logs: Path, cwd: Path) -> None:
        self._console = console
        self._signals = signals
        self._logs = logs
        self._cwd = cwd
        self._children: list[Child] = []

    def start(self, program: Program) -> Child:
        """Start a program and keep it running from now on."""
        child = self._child(program, show=self._show)
        self._children.append(child)
        child.start()
        return child

    def wait_for(self, child: Child, missing: Callable[[], str], *, timeout_s: float = 120.0) -> None:
        """Return when ``missing()`` answers "", that is when nothing is missing; meanwhile keep the others alive.

        Raises StartFailed when the child ends or the time is up, StopRequested on Ctrl-C.
        """
        deadline_s = time.monotonic() + timeout_s
        while what := missing():
            if (code := child.exit_code()) is not None:
                raise StartFailed(self._why(child, f"{child.name} ended at once ({how_it_ended(code)})"))
            if time.monotonic() > deadline_s:
                raise StartFailed(self._why(child, f"{child.name} was not ready after {timeout_s:.0f} s: {what}"))
            self._revive(besides=child)
            self._pause(POLL_S)

    def run(self, program: Program, *, show_output: bool = False) -> None:
        """Run a program to its end. Raises StartFailed unless it succeeds, StopRequested on Ctrl-C."""
        # Its log lines stay in the log: when it fails, the error shows the end of that.
        child = self._child(program, show=lambda _name, _text: None)
        child.start(show_output=show_output)
        try:
            while (code := child.exit_code()) is None:
                self._revive()
                self._pause(POLL_S)
        finally:
            child.kill()
        if code != 0:
            raise StartFailed(self._why(child, f"{child.name} failed ({how_it_ended(code)})"))

    def tend(self) -> None:
        """Restart what ends, with back-off, until somebody asks to stop."""
        while not self._signals.stops:
            self._revive()
            due_s = [child.restart_at_s for child in self._children if child.restart_at_s is not None]
            self._signals.wait(min([due - time.monotonic() for due in due_s], default=1.0))

    def stop(self) -> None:
        """Stop the parts, the last started first; a second Ctrl-C (or SIGTERM) ends whatever is left at once."""
        asked = self._signals.stops
        for child in reversed(self._children):
            child.ask_to_stop()
            deadline_s = time.monotonic() + child.program.grace_s
            while child.is_running() and time.monotonic() < deadline_s and self._signals.stops <= asked:
                self._signals.wait(POLL_S)
            if child.is_running():
                self._console.say(f"  {child.name} had not stopped yet; killed")
                child.kill()
        self._children.clear()

    def _child(self, program: Program, *, show: Callable[[str, str], None]) -> Child:
        return Child(program, log_path=self._logs / f"{program.name}.log", cwd=self._cwd, show=show)

    def _show(self, name: str, text: str) -> None:
        self._console.say(f"  {name:>8} │ {text}")

    def _pause(self, seconds: float) -> None:
        self._signals.wait(seconds)
        if self._signals.stops:
            raise StopRequested

    def _revive(self, *, besides: Child | None = None) -> None:
        for child in self._children:
            code = child.exit_code()
            if child is besides or code is None:
                continue
            now_s = time.monotonic()
            if child.restart_at_s is None:
                delay_s = child.backoff.after(child.uptime_s)
                child.restart_at_s = now_s + delay_s
                log = short(child.log_path)
                self._console.say(f"  {child.name} ended ({how_it_ended(code)}); again in {delay_s:.0f} s. See {log}")
            elif now_s >= child.restart_at_s:
                child.start()
                self._console.say(f"  {child.name} started again")

    def _why(self, child: Child, what: str) -> str:
        last = "".join(f"\n    {line}" for line in tail(child.log_path))
        return f"{what}.{last}\nThe whole log: {short(child.log_path)}"
