"""The output of the parts: all of it into a file of limited size, what matters onto the console as well."""

from __future__ import annotations

import re
import time
from pathlib import Path

LIMIT_BYTES = 5 * 1024 * 1024
# A part in trouble may print thousands of lines; the console shows this many in a window, the file has them all.
SHOWN_PER_WINDOW = 12
WINDOW_S = 10.0

IMPORTANT = re.compile(
    r"level=(warning|error|critical)\b"  # ours
    r'|"level": ?"(warning|error|critical)"'  # ours as JSON
    r"|: (WARNING|ERROR|CRITICAL)/"  # Celery
    r"|\[(WRN|ERR|FTL)\]"  # NATS
    r"|^\d+:[A-Z] .{20,30} # "  # Valkey
    r"|^Traceback |^\w*(Error|Exception|Exit): "
)
ORDINARY = re.compile(r"timestamp=\S+ level=(info|debug) ")  # almost all of them, whatever else they say
HARMLESS = re.compile(
    r"[Mm]emory overcommit|no config file specified|ready to exit, bye"  # Valkey
    r"|SecurityWarning|superuser privileges"  # Celery, when root runs it
    r"|Requeuing undeliverable message"  # Celery, stopped with a task on its way: kept for the next start
    r"|Stream state (detected prior|outdated)|Recovering stream state from index"  # NATS, killed: builds its index anew
)
# What our lines say first is for machines and in the file; people see "warning: MQTT link lost broker=…".
OURS = re.compile(r'^timestamp=\S+ level=(\w+) logger=\S+ event=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
# Begins each run of a part in its log.
RUN_BEGINS = "--- started "


class LogFile:
    """``path``, and what came before it in ``path.1``, each at most ``limit_bytes`` (and one `write`) long."""

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def write(self, lines: bytes) -> None:
        """Append ``lines`` at once; a full disk loses them, not the process that wrote them."""
        try:
            self._file.write(lines)
            self._file.flush()
            if self._file.tell() > self._limit_bytes:
                self._turn_over()
        except OSError:
            return

    def close(self) -> None:
        self._file.close()

    def _turn_over(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._file = self._path.open("ab")


class Filter:
    """Decides which lines of one part people see."""

    def __init__(self) -> None:
        self._window_began_s = 0.0
        self._shown = 0

    def shown(self, line: str, *, now_s: float | None = None) -> str | None:
        """The text to show for ``line``, or None; control characters never reach the terminal."""
        if ORDINARY.match(line) or HARMLESS.search(line) or not IMPORTANT.search(line):
            return None
        now_s = time.monotonic() if now_s is None else now_s
        if now_s - self._window_began_s > WINDOW_S:
            self._window_began_s, self._shown = now_s, 0
        self._shown += 1
        if self._shown > SHOWN_PER_WINDOW:
            return "… more of this in the log file" if self._shown == SHOWN_PER_WINDOW + 1 else None
        text = OURS.sub(lambda found: f"{found[1]}: {found[2] or found[3]}", line.rstrip())
        return "".join(char if char.isprintable() else "·" for char in text)


def tail(path: Path, lines: int = 12) -> list[str]:
    """The last lines of the last run in a log, for an error message; [] when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.rpartition(RUN_BEGINS)[2].splitlines()[1:][-lines:]
