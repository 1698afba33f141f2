"""One line per event: key=value for people, JSON for machines. Control characters never reach a terminal raw."""

from __future__ import annotations

import logging.config
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
    renderer = (
        structlog.processors.JSONRenderer()
        if options["format"] == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
        )
    )
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
