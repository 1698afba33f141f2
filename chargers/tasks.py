"""Celery tasks of this room: doorbells. `portal.celery` has beat's schedule."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from chargers import certificates, protocol, retention, upgrades, uploads
from chargers.desired import checks, quarantine, standings, steps


@shared_task
def forget_old() -> None:
    """In short turns, so that other tasks get theirs."""
    if retention.forget_old(at=timezone.now()):
        forget_old.delay()


@shared_task
def make_partitions() -> None:
    retention.JOURNAL.make_ahead(at=timezone.now())


@shared_task
def advance_upgrades() -> None:
    upgrades.advance_all(at=timezone.now())


@shared_task
def renew_certificates() -> None:
    certificates.ask_to_renew(at=timezone.now())


@shared_task
def count_breaches() -> None:
    """In short turns, so that other tasks get theirs."""
    if protocol.roll_up(at=timezone.now()):
        count_breaches.delay()


@shared_task
def look_at_configuration() -> None:
    standings.look_due(at=timezone.now())
    checks.ask(at=timezone.now())


@shared_task
def go_on_with_rollouts() -> None:
    quarantine.look(at=timezone.now())
    steps.advance_all(at=timezone.now())


@shared_task
def look_for_uploads() -> None:
    uploads.look(at=timezone.now())
