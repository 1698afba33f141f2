"""Celery tasks of smart charging: doorbells; `portal.celery` has beat's schedule. None is repeated: the next one is."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from smartcharging import day, placements, planning, probing


@shared_task(acks_late=False, expires=8)
def plan_site(site_id: int) -> None:
    planning.plan_site(site_id, at=timezone.now())


@shared_task(acks_late=False, expires=8)
def sweep_plans() -> None:
    """Sites whose time has come: leases to renew, or news that no doorbell rang for."""
    for site_id in planning.due(at=timezone.now()):
        planning.plan_site(site_id, at=timezone.now())


@shared_task(acks_late=False, expires=8)
def advance_placements() -> None:
    """Profiles of the library: orders that were answered, looks that came back, chargers that booted."""
    placements.advance(at=timezone.now())


@shared_task(acks_late=False, expires=8)
def advance_probes() -> None:
    probing.advance(at=timezone.now())


@shared_task(acks_late=False, expires=60)
def probe_after_firmware() -> None:
    probing.after_firmware(at=timezone.now())


@shared_task
def forget_old() -> None:
    """What plans saw of a site is kept as long as what its meters showed."""
    if settings.METER_VALUE_DAYS:
        day.forget_old(before=timezone.now() - timedelta(days=settings.METER_VALUE_DAYS))
