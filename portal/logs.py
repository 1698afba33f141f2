"""One line per event: key=value for people, JSON for machines. Control characters never reach a terminal raw."""

from __future__ import annotations

import logging.config
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


def configure(options: dict[str, Any]) -> None:
    """Send structlog and stdlib logging through one formatter (``LOGGING_CONFIG``)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Both renderers escape control characters: a charger's strings cannot forge or colour a line.
    renderer = (
        structlog.processors.JSONRenderer()
        if options["format"] == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
        )
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {name: {"level": level} for name, level in NOISY.items()},
        }
    )
