"""Celery tasks of the gateway: doorbells. Each fetches and calls one function; `portal.celery` has beat's schedule."""

from __future__ import annotations

from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from chargers import client_certificates, commands, connections, large_frames
from chargers.models import Charger, DeadLetter
from gateway import asides, cloudwatch, crash, delivery, sites, topics
from gateway.bus import publisher
from gateway.bus.publisher import cleared
from gateway.call import Unanswered
from gateway.ingest import batch
from gateway.iot import cloud, teller

log = structlog.get_logger(__name__)

REVOKED = "The certificate that opened this connection was revoked."


@shared_task
def deliver_next(charger_id: int) -> None:
    crash.at("worker.task_taken")
    delivery.deliver_now({charger_id}, publisher.of_this_process(), at=timezone.now())


@shared_task
def deliver_pending() -> None:
    """What no doorbell rang for: Redis was away, or a charger came back."""
    delivery.deliver_now(commands.waiting_longest(1000), publisher.of_this_process(), at=timezone.now())


@shared_task
def answer_aside(charger_id: int, message_id: str, digest: str, action: str, question: dict[str, Any]) -> None:
    bus = publisher.of_this_process()  # its connection comes about while somebody is asked
    asides.answer_soon(Unanswered(charger_id, message_id, digest, action, question), bus.publish_when_there)


@shared_task
def sweep_commands() -> None:
    commands.sweep(at=timezone.now())


@shared_task
def sweep_gateways() -> None:
    lost = connections.sweep_gateways(timezone.now())
    if lost:
        publisher.of_this_process().publish(cleared(topics.gateway_status(name)) for name in lost)


@shared_task
def hang_up_revoked() -> None:
    """End connections whose certificate was revoked, until they have ended."""
    held = client_certificates.opened_by_revoked(timezone.now())
    if held:
        publisher.of_this_process().publish_when_there([delivery.hang_up(charger, REVOKED) for charger in held])


@shared_task
def sweep_large_frames() -> None:
    large_frames.sweep(at=timezone.now())


@shared_task
def brief_edges() -> None:
    """What changes at a site reaches its edge; it goes on with the last word if this one is lost."""
    said = sites.briefs(at=timezone.now())
    if said:
        publisher.of_this_process().publish(said)


@shared_task
def tell_aws() -> None:
    try:
        teller.tell()
    except (cloud.Away, cloud.Refused) as error:
        log.warning("aws_not_told", error=str(error))


@shared_task
def report_yard() -> None:
    """What no single process knows, for CloudWatch."""
    figures: cloudwatch.Figures = {
        "ChargersOnline": (Charger.objects.filter(is_online=True).count(), "Count"),
        "DeadLetters": (DeadLetter.objects.filter(replayed_at=None).count(), "Count"),
    }
    at_ms = int(timezone.now().timestamp() * 1000)
    cloudwatch.to_log(cloudwatch.line(settings.CLOUDWATCH_NAMESPACE, figures, part="yard", at_ms=at_ms))


@shared_task
def replay_dead_letter(letter_id: int) -> None:
    batch.replay(letter_id)
