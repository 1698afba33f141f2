from __future__ import annotations

import time
from dataclasses import astuple
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_save
from django.utils import timezone
from kombu.pools import producers

if TYPE_CHECKING:
    from gateway.call import Unanswered

log = structlog.get_logger(__name__)


class GatewayConfig(AppConfig):
    name = "gateway"

    def ready(self) -> None:
        from chargers.signals import certificate_revoked, command_requested, replay_requested
        from smartcharging.signals import plan_due

        command_requested.connect(ring_for_delivery, dispatch_uid="gateway.deliver")
        replay_requested.connect(ring_for_replay, dispatch_uid="gateway.replay")
        certificate_revoked.connect(ring_for_revocation, dispatch_uid="gateway.revocation")
        if settings.AWS_IOT_THINGS:
            post_save.connect(remember_for_aws, sender="chargers.Charger", dispatch_uid="gateway.iot")
        plan_due.connect(ring_for_plan, dispatch_uid="gateway.plan")


def ring_for_delivery(charger_ids: set[int], **kwargs: Any) -> None:
    """Have waiting commands delivered now. Without Redis they go out with the next sweep of `deliver_pending`."""
    from gateway.tasks import deliver_next

    for charger_id in charger_ids:
        bell.ring(deliver_next, charger_id)


def ring_for_replay(letter_id: int, **kwargs: Any) -> None:
    from gateway.tasks import replay_dead_letter

    bell.ring(replay_dead_letter, letter_id)


def ring_for_revocation(**kwargs: Any) -> None:
    """Have connections ended that should not be. Without Redis they end by the next sweep of `hang_up_revoked`."""
    from gateway.tasks import hang_up_revoked

    bell.ring(hang_up_revoked)


def ring_for_answer(request: Unanswered) -> None:
    """Have somebody outside asked. Without Redis it is asked when the gateway publishes the request again."""
    from gateway.tasks import answer_aside

    bell.ring(answer_aside, *astuple(request))


def remember_for_aws(instance: Any, update_fields: frozenset[str] | None, **kwargs: Any) -> None:
    """Staff has edited a charger; what it does itself shows in its own moments."""
    from chargers import twins

    if update_fields is None or {"registration", "site"} & update_fields:
        twins.touch({instance.pk}, at=timezone.now())


def ring_for_plan(site_ids: set[int], **kwargs: Any) -> None:
    """Have sites planned as soon as their news have settled. Without Redis it is done by the next `sweep_plans`."""
    from smartcharging.planning import DEBOUNCE
    from smartcharging.tasks import plan_site

    for site_id in site_ids:
        bell.ring(plan_site, site_id, countdown=DEBOUNCE.total_seconds())


class Bell:
    """Rings for Celery tasks, and gives a Redis that does not answer half a second; then it stays silent for a while.

    Somebody waits for the page that ordered something, and a worker's hand rings for each boot of a storm.
    """

    SILENCE_S = 5.0  # then `deliver_pending` has come by anyway
    PATIENCE_S = 0.25  # for the connection, and again for the answer

    def __init__(self) -> None:
        self._silent_until = 0.0

    def ring(self, task: Any, *args: Any, countdown: float = 0.0) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            with _impatient_producers(task.app, self.PATIENCE_S).acquire(block=True, timeout=1) as producer:
                task.apply_async(args, retry=False, producer=producer, countdown=countdown)
        except Exception as error:
            self._silent_until = time.monotonic() + self.SILENCE_S
            log.warning("task_not_queued", task=task.name, args=args, error=repr(error)[:200])


@cache
def _impatient_producers(app: Any, patience_s: float) -> Any:
    """A pool of producers beside Celery's own, whose patience with Redis suits a worker that has nothing else to do."""
    broker = app.connection_for_write()
    broker.transport_options |= {"socket_timeout": patience_s, "socket_connect_timeout": patience_s, "max_retries": 0}
    return producers[broker]


bell = Bell()
