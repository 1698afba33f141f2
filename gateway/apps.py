from __future__ import annotations

import time
from typing import Any

import structlog
from django.apps import AppConfig

log = structlog.get_logger(__name__)


class GatewayConfig(AppConfig):
    name = "gateway"

    def ready(self) -> None:
        from chargers.signals import command_requested, replay_requested

        command_requested.connect(ring_for_delivery, dispatch_uid="gateway.deliver")
        replay_requested.connect(ring_for_replay, dispatch_uid="gateway.replay")


def ring_for_delivery(charger_ids: set[int], **kwargs: Any) -> None:
    """Have waiting commands delivered now. Without Redis they go out with the next sweep of `deliver_pending`."""
    from gateway.tasks import deliver_next

    for charger_id in charger_ids:
        bell.ring(deliver_next, charger_id)


def ring_for_replay(letter_id: int, **kwargs: Any) -> None:
    from gateway.tasks import replay_dead_letter

    bell.ring(replay_dead_letter, letter_id)


class Bell:
    """Rings for Celery tasks. After a failure it stays silent for a while.

    A worker's hand rings for each boot of a storm; it must not wait for an unreachable Redis each time.
    """

    SILENCE_S = 5.0  # then `deliver_pending` has come by anyway

    def __init__(self) -> None:
        self._silent_until = 0.0

    def ring(self, task: Any, *args: Any) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            task.apply_async(args, retry=False)
        except Exception as error:
            self._silent_until = time.monotonic() + self.SILENCE_S
            log.warning("task_not_queued", task=task.name, args=args, error=repr(error)[:200])


bell = Bell()
