"""Celery tasks of this room: doorbells. `portal.celery` has beat's schedule."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from portal.issues import telling
from portal.issues import watch as rules


@shared_task
def watch() -> None:
    rules.watch(at=timezone.now())


@shared_task
def tell() -> None:
    telling.deliver(at=timezone.now())
