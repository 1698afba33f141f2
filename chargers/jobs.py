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
from chargers.sentences import phrase
from chargers.signals import command_changed

PORTION = 1000
FAILED = (CommandStatus.FAILED, CommandStatus.REJECTED, CommandStatus.TIMEOUT, CommandStatus.EXPIRED)

# Told to people, see chargers/sentences.py.
FAILED_IN = phrase("those that failed in job {number}")


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
    orders = [(pk, arguments) for pk in charger_ids]
    return start_each(title, verb, orders, by=by, via=via, chosen_by=chosen_by, retry_of=retry_of, shared=arguments)[0]


@transaction.atomic
def start_each(
    title: str,
    verb: str,
    orders: Sequence[tuple[int, dict[str, Any]]],
    *,
    by: AbstractBaseUser | None,
    via: str = "portal",
    chosen_by: str = "",
    retry_of: Job | None = None,
    shared: dict[str, Any] | None = None,
) -> tuple[Job, list[Command]]:
    """Order something of its own of each charger: (charger, arguments); a charger may come more than once.

    The commands are in the order of ``orders``. ``shared``: the arguments, if they are all the same. Raises ValueError
    for none.
    """
    if not orders:
        raise ValueError(phrase("No charger was chosen; a job needs at least one."))
    job = Job.objects.create(
        title=title[:120],
        verb=verb,
        arguments=shared or {},
        chosen_by=chosen_by[:500],
        retry_of=retry_of,
        requested_by=by,  # type: ignore[misc]
    )
    expires_at = timezone.now() + timedelta(seconds=settings.COMMAND_TTL_S)
    told = {"verb": verb, "requested_via": f"{via}, job {job.pk}"[:40], "expires_at": expires_at}
    commands = [
        Command(charger_id=pk, job=job, requested_by=by, arguments=arguments, **told)  # type: ignore[misc]
        for pk, arguments in orders
    ]
    Command.objects.bulk_create(commands, batch_size=PORTION)
    _announce({command.pk for command in commands}, {pk for pk, _ in orders})
    return job, commands


@transaction.atomic
def cancel(job: Job) -> int:
    """Withdraw what still waits; how many that were. What was sent cannot be called back."""
    now = timezone.now()
    waiting = list(job.commands.filter(status=CommandStatus.PENDING).values_list("pk", "charger"))
    withdrawn = job.commands.filter(status=CommandStatus.PENDING).update(
        status=CommandStatus.CANCELLED, settled_at=now, explanation=phrase("Its job was cancelled.")
    )
    Job.objects.filter(pk=job.pk, cancelled_at=None).update(cancelled_at=now)
    _announce({pk for pk, _ in waiting}, [charger_id for _, charger_id in waiting])
    return withdrawn


def retry(job: Job, *, by: AbstractBaseUser | None) -> Job:
    """The same once more for those that did not do it, as a job of its own. Raises ValueError if all did."""
    failed = job.commands.filter(status__in=FAILED).order_by("charger", "created_at")
    # Arguments that all share may have held a secret, which the commands have forgotten.
    orders = [(pk, job.arguments or own) for pk, own in failed.values_list("charger", "arguments")]
    told = FAILED_IN.format(number=job.pk)
    return start_each(job.title, job.verb, orders, by=by, chosen_by=told, retry_of=job, shared=job.arguments)[0]


def _announce(command_ids: set[Any], charger_ids: Collection[int]) -> None:
    if command_ids:
        chargers = set(charger_ids)
        transaction.on_commit(
            lambda: command_changed.send_robust(sender=Command, command_ids=command_ids, charger_ids=chargers)
        )
