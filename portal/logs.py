"""One line per event: key=value for people, JSON for machines. Control characters never reach a terminal raw."""

from __future__ import annotations

import logging.config
import re
import sys
from typing import Any

import structlog

NOISY = {
    # Autobahn logs each close of a socket; we log what it means.
    "autobahn": "WARNING",
    "daphne": "WARNING",
    "twisted": "WARNING",
    "kombu": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.worker.strategy": "WARNING",
    "celery.beat": "WARNING",
    "django.request": "ERROR",
    "urllib3": "WARNING",
}


CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def printable(logger: Any, method: str, line: Any) -> str:
    """The line with control characters written out: a charger's strings cannot forge or colour one."""
    text = str(line)
    return text if text.isprintable() else text.translate(CONTROLS)


ORDER = ("timestamp", "level", "logger", "event")
TELLING = re.compile(r'[ =\\"\n]')


def logfmt(logger: Any, method: str, event: dict[str, Any]) -> str:
    """The event as structlog's own `LogfmtRenderer` words it, which searches each key, letter by letter, for spaces."""
    first = [f"{name}={_worded(event.pop(name, None))}" for name in ORDER]
    return " ".join([*first, *[f"{name}={_worded(value)}" for name, value in event.items()]])


def _worded(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    if not TELLING.search(text):
        return text
    if is_quoted := (" " in text or "=" in text or '"' in text):
        text = text.replace("\\", "\\\\")
    text = text.replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"' if is_quoted else text


class Line:
    """Where our own events end: one write to standard error each, past the standard library.

    The reply path writes a line per frame; as a `logging.LogRecord` it would cost as much as reading the frame.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name

    def write(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = exception = msg = write


def configure(options: dict[str, Any]) -> None:
    """Give structlog's events and the standard library's records the same look (``LOGGING_CONFIG``)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if options["format"] == "json" else logfmt
    structlog.configure(
        processors=[*shared, renderer, printable],
        wrapper_class=structlog.make_filtering_bound_logger(options["level"]),
        logger_factory=Line,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, printable],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {name: {"level": level} for name, level in NOISY.items()},
        }
    )
