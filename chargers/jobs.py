"""One order to many chargers: a job and its commands.

The commands go out by themselves, as their chargers are online and free. No doorbell is rung for each: beat hands them
on a thousand at a time, so that a job over the whole fleet does not fill the queue of the tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from chargers.models import Command, CommandStatus, Job
from chargers.signals import command_changed

PORTION = 1000
FAILED = (CommandStatus.FAILED, CommandStatus.REJECTED, CommandStatus.TIMEOUT, CommandStatus.EXPIRED)


@transaction.atomic
def start(
    title: str,
    verb: str,
    arguments: dict[str, Any],
    charger_ids: Sequence[int],
    *,
    by: AbstractBaseUser | None,
    via: str = "portal",
    chosen_by: str = "",
    retry_of: Job | None = None,
) -> Job:
    """Order the same of each of these chargers. Raises ValueError for none."""
    if not charger_ids:
        raise ValueError("No charger was chosen; a job needs at least one.")
    job = Job.objects.create(
        title=title[:120],
        verb=verb,
        arguments=arguments,
        chosen_by=chosen_by[:500],
        retry_of=retry_of,
        requested_by=by,  # type: ignore[misc]
    )
    expires_at = timezone.now() + timedelta(seconds=settings.COMMAND_TTL_S)
    told = {
        "verb": verb,
        "arguments": arguments,
        "requested_via": f"{via}, job {job.pk}"[:40],
        "expires_at": expires_at,
    }
    commands = [Command(charger_id=pk, job=job, requested_by=by, **told) for pk in charger_ids]  # type: ignore[misc]
    Command.objects.bulk_create(commands, batch_size=PORTION)
    _announce({command.pk for command in commands}, charger_ids)
    return job


@transaction.atomic
def cancel(job: Job) -> int:
    """Withdraw what still waits; how many that were. What was sent cannot be called back."""
    now = timezone.now()
    waiting = list(job.commands.filter(status=CommandStatus.PENDING).values_list("pk", "charger"))
    withdrawn = job.commands.filter(status=CommandStatus.PENDING).update(
        status=CommandStatus.CANCELLED, settled_at=now, explanation="Its job was cancelled."
    )
    Job.objects.filter(pk=job.pk, cancelled_at=None).update(cancelled_at=now)
    _announce({pk for pk, _ in waiting}, [charger_id for _, charger_id in waiting])
    return withdrawn


def retry(job: Job, *, by: AbstractBaseUser | None) -> Job:
    """The same once more for those that did not do it, as a job of its own. Raises ValueError if all did."""
    failed = list(job.commands.filter(status__in=FAILED).order_by("charger").values_list("charger", flat=True))
    return start(
        job.title, job.verb, job.arguments, failed, by=by, chosen_by=f"those that failed in job {job.pk}", retry_of=job
    )


def _announce(command_ids: set[Any], charger_ids: Collection[int]) -> None:
    if command_ids:
        chargers = set(charger_ids)
        transaction.on_commit(
            lambda: command_changed.send_robust(sender=Command, command_ids=command_ids, charger_ids=chargers)
        )
