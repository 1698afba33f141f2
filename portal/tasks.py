"""Celery tasks of this room: doorbells. `portal.celery` has beat's schedule."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from portal import retention


@shared_task
def forget_old() -> None:
    """In short turns, so that other tasks get theirs."""
    if retention.forget_old(at=timezone.now()):
        forget_old.delay()
