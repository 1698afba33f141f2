"""Bringing chargers to what is wanted of them: chosen, started, paused, ended, taken back. `steps` does the writing.

Promises: of a charger one setting at a time, whatever rollouts there are; of many chargers at most `parallel` at once;
what was written twice and reads back different is not written again; what was there before is kept with each write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from chargers import commands
from chargers.desired import restarts, standings, steps
from chargers.desired.news import announce
from chargers.desired.rule import WRITABLE
from chargers.models import Command, CommandStatus, Refusal, Rollout, SettingTemplate, Standing, Write
from chargers.models.desired import OPEN, UNDER_WAY, UNDONE, Restarts
from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
TAKE_BACK = phrase("Take back: {title}")
OVERTAKEN = phrase("Overtaken by rollout {number}.")

Status = Write.Status
MOST_PARALLEL = 200


def candidates(
    charger_ids: Collection[int] | None = None, template: SettingTemplate | None = None
) -> QuerySet[Standing]:
    """What a rollout would write: everything that differs or has not been read, of these chargers, by this template."""
    found = Standing.objects.filter(state__in=WRITABLE)
    if charger_ids is not None:
        found = found.filter(charger__in=charger_ids)
    return found.filter(template=template) if template is not None else found


@transaction.atomic
def start(
    title: str,
    *,
    charger_ids: Collection[int] | None = None,
    template: SettingTemplate | None = None,
    parallel: int = 10,
    by: AbstractBaseUser | None,
    via: str = "portal",
) -> Rollout:
    """Write what is wanted to these chargers (None: to all of the template's). Raises ValueError if nothing differs."""
    rows = candidates(charger_ids, template).order_by("charger__identity_folded", "path")
    return start_these(list(rows), title, template=template, parallel=parallel, by=by, via=via)


@transaction.atomic
def start_these(
    rows: Sequence[Standing],
    title: str,
    *,
    template: SettingTemplate | None = None,
    parallel: int = 10,
    by: AbstractBaseUser | None,
    via: str = "portal",
) -> Rollout:
    """`start`, for what somebody has seen and chosen."""
    if not rows:
        raise ValueError(
            phrase("Nothing is to be written: each charger has what is wanted, or must not be written it.")
        )
    writes = [Write(charger_id=row.charger_id, path=row.path, value=row.wanted, old_value=row.actual) for row in rows]
    restarts = template.restarts if template else Restarts.BY_HAND
    return _start(
        writes, by=by, title=title, template=template, parallel=parallel, restarts=restarts, requested_via=via
    )


def taking_back(rollout: Rollout) -> QuerySet[Write]:
    """The writes of a rollout that can be taken back: they were written, and what was there before is known."""
    return rollout.writes.filter(times__gte=1, old_value__isnull=False).exclude(status=Status.REJECTED)


@transaction.atomic
def take_back(rollout: Rollout, *, by: AbstractBaseUser | None, via: str = "portal") -> Rollout:
    """Write back what chargers had before a rollout. Raises ValueError if there is nothing to write back."""
    found = taking_back(rollout).order_by("charger__identity_folded", "-pk")
    writes = [
        Write(charger_id=row.charger_id, path=row.path, value=row.old_value or "", old_value=row.value) for row in found
    ]
    if not writes:
        raise ValueError(
            phrase("This rollout has written nothing whose value before is known; there is nothing to take back.")
        )
    for row in found:
        # What was wanted is no longer brought there, and what was refused then is not what is written now.
        Refusal.objects.filter(charger=row.charger_id, path=row.path).delete()
    _end_writes(rollout.writes.filter(status__in=OPEN), phrase("The rollout was taken back."))
    return _start(
        writes,
        by=by,
        title=TAKE_BACK.format(title=rollout.title)[:160],
        template=rollout.template,
        takes_back=rollout,
        parallel=rollout.parallel,
        restarts=rollout.restarts,
        requested_via=via,
    )


@transaction.atomic
def retry(rollout: Rollout, *, by: AbstractBaseUser | None, via: str = "portal") -> Rollout:
    """Once more what failed or was refused: a person says so. Raises ValueError if nothing was."""
    failed = list(rollout.writes.filter(status__in=UNDONE).order_by("pk"))
    if not failed:
        raise ValueError(phrase("Nothing has failed."))
    forget_refusals((row.charger_id, row.path) for row in failed)
    writes = [
        Write(charger_id=row.charger_id, path=row.path, value=row.value, old_value=row.old_value) for row in failed
    ]
    return _start(
        writes,
        by=by,
        title=rollout.title,
        template=rollout.template,
        takes_back=rollout.takes_back,
        retry_of=rollout,
        parallel=rollout.parallel,
        restarts=rollout.restarts,
        requested_via=via,
    )


def forget_refusals(places: Iterable[tuple[int, str]]) -> None:
    """A person lets these (charger, path) be written again."""
    for charger_id, path in places:
        Refusal.objects.filter(charger=charger_id, path=path).delete()


def _start(writes: Sequence[Write], *, by: AbstractBaseUser | None, parallel: int, **columns: Any) -> Rollout:
    columns["title"] = columns["title"][:160]
    rollout = Rollout.objects.create(
        requested_by=by,  # type: ignore[misc]
        parallel=max(1, min(parallel, MOST_PARALLEL)),
        **columns,
    )
    for write in writes:
        write.rollout = rollout
    ids = {write.charger_id for write in writes}
    waiting = {
        (row.charger_id, row.path): row.pk
        for row in Write.objects.filter(charger__in=ids, status=Status.WAITING).only("charger", "path")
    }
    again = [waiting[key] for write in writes if (key := (write.charger_id, write.path)) in waiting]
    _end_writes(Write.objects.filter(pk__in=again), OVERTAKEN.format(number=rollout.pk))
    Write.objects.bulk_create(writes, batch_size=500)
    announce(ids)
    transaction.on_commit(lambda: steps.advance(rollout.pk, at=timezone.now()))
    return rollout


def pause(rollout: Rollout) -> bool:
    """Begin nothing more; what is under way is brought to its end."""
    return _turn(rollout, Rollout.Status.RUNNING, Rollout.Status.PAUSED)


def resume(rollout: Rollout) -> bool:
    return _turn(rollout, Rollout.Status.PAUSED, Rollout.Status.RUNNING)


def _turn(rollout: Rollout, before: Rollout.Status, after: Rollout.Status) -> bool:
    turned = Rollout.objects.filter(pk=rollout.pk, status=before).update(status=after)
    announce(())
    return turned == 1


@transaction.atomic
def cancel(rollout: Rollout) -> int:
    """Write nothing more; how many are left alone. What was sent is read back, what waits for a boot still does."""
    Rollout.objects.filter(pk=rollout.pk, status__in=(Rollout.Status.RUNNING, Rollout.Status.PAUSED)).update(
        status=Rollout.Status.CANCELLED, settled_at=timezone.now()
    )
    # An order that waits for its charger can still be called back.
    waiting = rollout.writes.filter(status__in=UNDER_WAY, command__status=CommandStatus.PENDING)
    for command in Command.objects.filter(pk__in=waiting.values("command")):
        commands.cancel(command)
    ended = _end_writes(
        rollout.writes.filter(Q(status__in=(Status.WAITING,)) | Q(pk__in=list(waiting.values_list("pk", flat=True)))),
        phrase("The rollout was cancelled."),
    )
    announce(())
    return ended


def _end_writes(writes: QuerySet[Write], why: str) -> int:
    return writes.update(status=Status.CANCELLED, why=why, settled_at=timezone.now())


def counted(rows: QuerySet[Rollout]) -> QuerySet[Rollout]:
    """With ``total chargers waiting active reboots done left failed`` of their writes."""
    status = "writes__status"

    def those(*names: Status) -> Count:
        return Count("writes", filter=Q(**{f"{status}__in": names}))

    return rows.annotate(
        total=Count("writes"),
        chargers=Count("writes__charger", distinct=True),
        waiting=those(Status.WAITING),
        active=those(*UNDER_WAY),
        reboots=those(Status.REBOOT),
        done=those(Status.DONE),
        left=those(Status.SKIPPED, Status.CANCELLED),
        failed=those(*UNDONE),
    )


def restart(charger_ids: Collection[int], *, by: AbstractBaseUser | None, via: str = "portal") -> int:
    """Release the restarts that chargers wait for; how many were ordered. A charger is asked once per write."""
    waiting = Write.objects.filter(charger__in=charger_ids, status=Status.REBOOT).select_related("charger")
    return len(restarts.order(waiting, by=by, via=via))


def look_again(charger_ids: Collection[int], *, at: datetime) -> None:
    """Judge these chargers now, before somebody is shown what would be written."""
    ids = sorted(charger_ids)
    for start_at in range(0, len(ids), standings.PORTION):
        standings.look(ids[start_at : start_at + standings.PORTION], at=at)
