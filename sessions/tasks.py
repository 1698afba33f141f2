"""Celery tasks of this room: doorbells. `portal.celery` has beat's schedule."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from sessions import effects, reviewing


@shared_task
def propose() -> None:
    reviewing.propose_lately(at=timezone.now())


@shared_task
def look_for_effects() -> None:
    effects.look(at=timezone.now())
