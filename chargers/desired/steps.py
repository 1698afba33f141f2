"""The steps of a rollout: ask what is there, write, read back, write once more, give up; restart where that is needed.

Each step is taken by compare-and-swap on the write's row, so it may be tried by several at once: after an order was
settled (`advance_for`), and by beat (`advance_all`), which finds what nobody told it of.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from chargers import behaviour, commands
from chargers.desired import due, quarantine, restarts
from chargers.desired.news import announce
from chargers.desired.rule import is_same
from chargers.desired.templates import dialect_of, place_at
from chargers.desired.trials import Trials
from chargers.models import Command, CommandStatus, Refusal, Rollout, Setting, Write
from chargers.models.desired import OPEN, UNDER_WAY, Restarts
from chargers.sentences import in_english, phrase

# Told to people, see chargers/sentences.py.
WRITTEN_TIMES = phrase("It was written {times} times.")
ANSWERED = phrase("It answered {answer}.")
NOT_READ_BACK = phrase("It was written; reading it back failed: {why}")
READS_DIFFERENT = phrase("Written {times} times, and it reads {value!r}.")

Status = Write.Status
MOST_TIMES = 2
PATIENCE_S = 120  # for a charger that went offline: then its place is another's, and it waits to come back


def advance_all(*, at: datetime) -> int:
    """Go on with every rollout; how many are under way. Safe to repeat."""
    for pk in (
        Write.objects.filter(status__in=UNDER_WAY)
        .exclude(command__status__in=CommandStatus.open())
        .values_list("pk", flat=True)
    ):
        _step(pk, at)
    running = set(Rollout.objects.filter(status=Rollout.Status.RUNNING).values_list("pk", flat=True))
    running |= set(Write.objects.filter(status__in=OPEN).order_by().values_list("rollout", flat=True).distinct())
    for rollout_id in sorted(running):
        advance(rollout_id, at=at)
    return len(running)


def advance_for(command_ids: Collection[UUID], *, at: datetime) -> None:
    """Go on where these orders, which have changed, belong to."""
    if not Write.objects.filter(status__in=UNDER_WAY).exists():  # as mostly; the plan of a large site orders hundreds
        return
    found = Write.objects.filter(command__in=command_ids, status__in=UNDER_WAY)
    rows = list(found.exclude(command__status__in=CommandStatus.open()).values_list("pk", "rollout"))
    for pk, _ in rows:
        _step(pk, at)
    for rollout_id in {rollout_id for _, rollout_id in rows}:
        advance(rollout_id, at=at)


@transaction.atomic
def advance(rollout_id: int, *, at: datetime) -> None:
    """Read back what has booted, begin as many writes as may be under way, and close the rollout at its end."""
    # Whoever holds it does the same; beat comes by again.
    rollout = Rollout.objects.select_for_update(skip_locked=True).filter(pk=rollout_id).first()
    if rollout is None:
        return
    for write in rollout.writes.filter(status=Status.REBOOT, charger__booted_at__gt=F("written_at")):
        _ask(write, Status.REBOOT, Status.READING, at)
    if rollout.status == Rollout.Status.RUNNING:
        _begin(rollout, at)
        if rollout.restarts == Restarts.WHEN_IDLE:
            restarts.order_where_idle(rollout)
    if rollout.is_open and not rollout.writes.filter(status__in=OPEN).exists():
        Rollout.objects.filter(pk=rollout.pk).update(status=Rollout.Status.DONE, settled_at=at)
        announce(())


def _begin(rollout: Rollout, at: datetime) -> None:
    busy = set(Write.objects.filter(status__in=UNDER_WAY).values_list("charger", flat=True))
    free = rollout.parallel - rollout.writes.filter(status__in=UNDER_WAY).values("charger").distinct().count()
    # Offline chargers wait, and are done when they come back.
    ready = rollout.writes.filter(status=Status.WAITING, charger__is_online=True, charger__is_booted=True)
    trials = Trials(at)
    for write in (
        ready.exclude(charger__in=busy).select_related("charger", "rollout").order_by("pk").iterator(chunk_size=200)
    ):
        if free <= 0:
            break
        if write.charger_id in busy or not trials.may_try(write):
            continue
        busy.add(write.charger_id)
        free -= 1
        if write.written_at is not None:  # it went offline before it could be read back
            _ask(write, Status.WAITING, Status.READING, at)
        elif write.old_value is None:
            _ask(write, Status.WAITING, Status.ASKING, at)
        else:
            _write(write, Status.WAITING, at)


# -- one step --------------------------------------------------------------------------------------------------------


@transaction.atomic
def _step(write_id: int, at: datetime) -> None:
    """What follows from the answer to the last order of a write."""
    write = Write.objects.select_related("charger", "rollout", "command").filter(pk=write_id).first()
    if write is None or write.status not in UNDER_WAY or (write.command and write.command.is_open):
        return
    if write.command is None:  # its row is gone with its history: begin again
        _move(write, write.status, Status.WAITING)
    elif write.command.status in (CommandStatus.EXPIRED, CommandStatus.CANCELLED):
        _was_not_sent(write, at)
    elif write.status == Status.ASKING:
        _asked(write, at)
    elif write.status == Status.WRITING:
        _written(write, write.command, at)
    else:
        _read_back(write, at)


def _was_not_sent(write: Write, at: datetime) -> None:
    assert write.command is not None
    if write.command.status == CommandStatus.CANCELLED:
        _settle(write, Status.CANCELLED, at, phrase("Somebody withdrew its order."))
    else:  # it stayed offline; it is given the order again when it is back
        was_written = write.status == Status.WRITING
        _move(write, write.status, Status.WAITING, times=write.times - was_written)


def _asked(write: Write, at: datetime) -> None:
    setting = setting_of(write)
    if setting is None or not setting.is_known:
        _settle(write, Status.SKIPPED, at, _said(write) or phrase("The charger has no such setting."))
    elif is_same(write.value, setting.value, is_sequence=setting.data_type == "SequenceList"):
        _settle(write, Status.DONE, at, phrase("It was so already."), read_value=setting.value)
    elif setting.is_readonly or setting.is_writeonly:
        _settle(
            write,
            Status.SKIPPED,
            at,
            phrase("It is read only.") if setting.is_readonly else phrase("It cannot be read back."),
        )
    else:
        write.old_value = setting.value
        _write(write, Status.ASKING, at)


def _write(write: Write, before: Status, at: datetime) -> None:
    charger = write.charger
    dialect = dialect_of(charger)
    place = place_at(write.path, dialect)
    if reason := _objection(write, place.name):
        _settle(write, Status.SKIPPED, at, reason, before=before)
        return
    told = {name: value for name in place.__slots__ if (value := getattr(place, name)) not in ("", 0, "Actual")}
    arguments: dict[str, Any] = {"settings": [{**told, "value": write.value}]}
    if write.rollout.takes_back_id:
        arguments["is_back"] = True
    if write.times >= MOST_TIMES:
        _settle(write, Status.FAILED, at, WRITTEN_TIMES.format(times=write.times), before=before)
    elif _move(write, before, Status.WRITING, times=write.times + 1, old_value=write.old_value):
        _order(write, "write_settings", arguments)


def _objection(write: Write, name: str) -> str:
    """Why a setting must not be written; what was there before a quarantine may be written back."""
    if name.casefold() in behaviour.quirks_of(write.charger).never_write:
        return phrase("A behaviour pack knows that it harms this model.")
    return "" if write.rollout.takes_back_id else quarantine.objection(write.charger, [write.path])


def _written(write: Write, command: Command, at: datetime) -> None:
    if command.status == CommandStatus.ACCEPTED:
        setting = setting_of(write)
        Write.objects.filter(pk=write.pk).update(written_at=at)
        if setting is not None and setting.needs_reboot:
            if _move(write, Status.WRITING, Status.REBOOT, why=phrase("It is in force after the next boot.")):
                announce({write.charger_id})
        else:
            _ask(write, Status.WRITING, Status.READING, at)
    elif command.status == CommandStatus.REJECTED:
        _refuse(write, Status.REJECTED, at, ANSWERED.format(answer=_said(write) or phrase("no")), None)
    else:
        _settle(write, Status.FAILED, at, command.explanation or in_english(command.get_status_display))


def _read_back(write: Write, at: datetime) -> None:
    setting = setting_of(write)
    assert write.command is not None
    if write.command.status != CommandStatus.ACCEPTED or setting is None:
        _settle(write, Status.FAILED, at, NOT_READ_BACK.format(why=write.command.explanation))
    elif is_same(write.value, setting.value, is_sequence=setting.data_type == "SequenceList"):
        Refusal.objects.filter(charger=write.charger_id, path=write.path).delete()
        _settle(write, Status.DONE, at, "", read_value=setting.value)
    elif write.times < MOST_TIMES:
        Write.objects.filter(pk=write.pk).update(read_value=setting.value)
        _write(write, Status.READING, at)
    else:
        why = READS_DIFFERENT.format(times=write.times, value=setting.value[:80])
        _refuse(write, Status.REFUSED, at, why, setting.value)


def _refuse(write: Write, status: Status, at: datetime, why: str, reads: str | None) -> None:
    """It does not take it: not written again until another value is wanted, or a person says so."""
    values = {"wanted": write.value, "reads": reads, "why": why[:255], "at": at}
    Refusal.objects.update_or_create(charger_id=write.charger_id, path=write.path, defaults=values)
    _settle(write, status, at, why, read_value=reads)


def _ask(write: Write, before: Status, after: Status, at: datetime) -> None:
    if _move(write, before, after):
        _order(write, "read_settings", {"names": [write.path]})


def _order(write: Write, verb: str, arguments: dict[str, Any]) -> None:
    command = commands.request(
        write.charger,
        verb,
        arguments=arguments,
        by=write.rollout.requested_by,
        via=f"rollout {write.rollout_id}",
        ttl_s=PATIENCE_S,
    )
    Write.objects.filter(pk=write.pk).update(command=command)
    announce({write.charger_id})


def _move(write: Write, before: str, after: Status, **columns: Any) -> bool:
    """Compare and swap: false if somebody has moved it meanwhile."""
    moved = Write.objects.filter(pk=write.pk, status=before).update(status=after, **columns)
    write.status = after
    for name, value in columns.items():
        setattr(write, name, value)
    return moved == 1


def _settle(
    write: Write, status: Status, at: datetime, why: str, *, read_value: str | None = None, before: str = ""
) -> None:
    columns = {"read_value": read_value} if read_value is not None else {}
    if _move(write, before or write.status, status, settled_at=at, why=why[:500], **columns):
        due.note({write.charger_id})
        announce({write.charger_id})


def setting_of(write: Write) -> Setting | None:
    """The setting that a write means, in whatever case the charger spells it."""
    place = place_at(write.path, dialect_of(write.charger))
    rows = Setting.objects.filter(charger=write.charger_id, name__iexact=place.name)
    same = [row for row in rows if row.path.casefold() == write.path.casefold()]
    return max(same, key=lambda row: row.reported_at) if same else None


def _said(write: Write) -> str:
    """The word with which it refused."""
    command = write.command
    if command is None or command.status == CommandStatus.ACCEPTED:
        return ""
    answer = command.answer if isinstance(command.answer, dict) else {}
    parts = [part.get("attributeStatus") for part in answer.get("setVariableResult") or [] if isinstance(part, dict)]
    return str(answer.get("status") or next(iter(parts), "") or command.explanation)
