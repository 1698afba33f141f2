"""Celery tasks of the gateway: doorbells. Each fetches and calls one function; `portal.celery` has beat's schedule."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from chargers import commands, connections
from gateway import delivery
from gateway.bus import publisher
from gateway.ingest import batch


@shared_task
def deliver_next(charger_id: int) -> None:
    delivery.deliver_now({charger_id}, publisher.of_this_process(), at=timezone.now())


@shared_task
def deliver_pending() -> None:
    """What no doorbell rang for: Redis was away, or a charger came back."""
    waiting = set(commands.deliverable().values_list("charger_id", flat=True)[:1000])
    delivery.deliver_now(waiting, publisher.of_this_process(), at=timezone.now())


@shared_task
def sweep_commands() -> None:
    commands.sweep(at=timezone.now())


@shared_task
def sweep_gateways() -> None:
    connections.sweep_gateways(timezone.now())


@shared_task
def replay_dead_letter(letter_id: int) -> None:
    batch.replay(letter_id)
