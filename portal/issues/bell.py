"""Rings for the worker when there is something to tell. Without Redis it is told with beat's next round."""

from __future__ import annotations

from typing import Any

import structlog
from django.dispatch import receiver

from portal.issues.signals import telling_due

log = structlog.get_logger(__name__)


@receiver(telling_due, dispatch_uid="issues.tell")
def ring(**kwargs: Any) -> None:
    from portal.issues.tasks import tell

    try:
        tell.apply_async(retry=False)
    except Exception as error:  # Redis is away; the outbox keeps it
        log.warning("task_not_queued", task=tell.name, error=repr(error)[:200])
