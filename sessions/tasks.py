"""Celery tasks of this room: doorbells. `portal.celery` has beat's schedule."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from chargers.campaigns import running
from sessions import campaigns, effects, gaps, retention, reviewing, rollups, running_costs


@shared_task
def forget_old() -> None:
    """In short turns, so that other tasks get theirs."""
    if retention.forget_old(at=timezone.now()):
        forget_old.delay()


@shared_task
def roll_up(turn: int | None = None) -> None:
    """Each minute; in short turns likewise."""
    turn = timezone.now().minute if turn is None else turn
    if rollups.roll_up(turn):
        roll_up.delay(turn)


@shared_task
def make_partitions() -> None:
    retention.METER_VALUES.make_ahead(at=timezone.now())


@shared_task
def propose() -> None:
    reviewing.propose_lately(at=timezone.now())


@shared_task
def tell_costs() -> None:
    running_costs.tell(at=timezone.now())


@shared_task
def ask_for_missing_events() -> None:
    gaps.ask(at=timezone.now())


@shared_task
def look_for_effects() -> None:
    effects.look(at=timezone.now())


@shared_task
def advance_campaigns() -> None:
    running.advance_all(campaigns, at=timezone.now())
