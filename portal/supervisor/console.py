"""What people see while the yard starts: a line per step with its seconds, and lines of the parts between them.

Standard library only: `bootstrap.py` uses it before any package is installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
TICK_S = 0.1


class Console:
    """Writes whole lines from any thread. On a terminal the step at work shows a running timer."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.RLock()
        self._is_terminal = self._out.isatty()
        if reconfigure := getattr(self._out, "reconfigure", None):
            # A terminal that cannot show a tick shows "?", and the start goes on.
            reconfigure(errors="replace")

    def say(self, text: str = "") -> None:
        """Write a line, above the line of the step at work."""
        with self._lock:
            self._write(("\r\x1b[K" if self._is_terminal else "") + text + "\n")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show ``title`` while the block runs, then ✓ or ✗ and its seconds."""
        step = Step(title)
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(step, ended), daemon=True)
        if self._is_terminal:
            ticker.start()
        verdict = "✗"
        try:
            yield step
            verdict = "✓"
        finally:
            ended.set()
            if self._is_terminal:
                ticker.join()
            self.say(f"  {verdict} {step.title:<46} {step.seconds:5.1f} s")

    def _tick(self, step: Step, ended: threading.Event) -> None:
        count = 0
        while not ended.wait(TICK_S):
            count += 1
            line = f"  {FRAMES[count % len(FRAMES)]} {step.title:<46} {step.seconds:5.1f} s  {step.detail}"
            with self._lock:
                # A line that wraps could not be taken back.
                self._write("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1])

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:
            # The terminal is gone (closed window, broken pipe); the yard runs on, and what is left goes nowhere.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)


class Step:
    """One thing the start does; ``title`` and ``detail`` may change while it runs."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self._started_s = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started_s


def short(path: Path) -> str:
    """``path`` as one would type it from here: relative when it lies below the current folder."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
