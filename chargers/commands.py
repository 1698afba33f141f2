"""The life of one order to a charger: requested → sent → settled. The row is the outbox.

Knows no OCPP dialect and no transport: `gateway.delivery` claims from here, puts the order into the charger's words and
brings the answer back. A command is never sent twice: what was claimed and lost is settled as `timeout`, for a blind
repeat of an unlock or a start does harm.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from chargers.masking import mask
from chargers.models import Charger, Command, CommandStatus, Registration
from chargers.rows import insert, make
from chargers.sentences import phrase
from chargers.signals import command_changed, command_requested

# The rest with the next sweep: a whole fleet's orders must not expire in one transaction.
SWEPT_AT_ONCE = 1000
RENEWING = ("trigger", "certificate_signed")
# Its last boot was answered with Pending.
IS_PENDING = Q(charger__registration=Registration.QUARANTINED, charger__booted_at__isnull=False)


def request(  # noqa: PLR0913 - keywords, each a column
    charger: Charger,
    verb: str = "",
    *,
    arguments: dict[str, Any] | None = None,
    action: str = "",
    payload: dict[str, Any] | None = None,
    by: AbstractBaseUser | None = None,
    via: str = "",
    ttl_s: int | None = None,
    idempotency_key: str | None = None,
) -> Command:
    """Put an order into the outbox; it is delivered as soon as the charger is online and free.

    Either ``verb`` with ``arguments`` (see `docs/extending.md`) or a raw OCPP ``action`` with ``payload``. The same
    ``idempotency_key`` for the same charger answers with the first command and orders nothing. ``ttl_s``: how long it
    may wait for the charger (``COMMAND_TTL_S``).
    """
    if bool(verb) == bool(action):
        raise ValueError(f"A command has a verb or an OCPP action; got verb {verb!r} and action {action!r}.")
    values: dict[str, Any] = {
        "verb": verb,
        "arguments": arguments or {},
        "action": action,
        "payload": payload or {},
        "requested_by": by,
        "requested_via": via,
        "expires_at": timezone.now() + timedelta(seconds=ttl_s or settings.COMMAND_TTL_S),
    }
    with transaction.atomic():
        if idempotency_key is None:
            command, is_new = Command.objects.create(charger=charger, **values), True
        else:
            command, is_new = Command.objects.get_or_create(
                charger=charger, idempotency_key=idempotency_key, defaults=values
            )
        if is_new:
            transaction.on_commit(lambda: command_requested.send_robust(sender=Command, charger_ids={charger.pk}))
            _announce([command])
    return command


class Wish(NamedTuple):
    """One of many orders that a program gives, see `request`."""

    charger_id: int
    verb: str
    arguments: dict[str, Any]
    via: str
    by_id: Any = None  # the person in whose name


def request_each(wishes: Sequence[Wish], *, ttl_s: int) -> list[Command]:
    """Put many orders into the outbox by one statement; a charger gets its own in this order. In a transaction."""
    now = timezone.now()
    told = [
        make(
            Command,
            id=uuid4(),
            charger_id=wish.charger_id,
            verb=wish.verb,
            arguments=wish.arguments,
            payload={},
            requested_via=wish.via,
            requested_by_id=wish.by_id,
            # What is given first is delivered first, so no two are of the same moment.
            created_at=now + timedelta(microseconds=index),
            expires_at=now + timedelta(seconds=ttl_s),
        )
        for index, wish in enumerate(wishes)
    ]
    insert(told)
    charger_ids = {wish.charger_id for wish in wishes}
    if told:
        transaction.on_commit(lambda: command_requested.send_robust(sender=Command, charger_ids=charger_ids))
    _announce(told)
    return told


def deliverable() -> QuerySet[Command]:
    """Waiting commands whose charger is online, knows our answer to its boot, and has none in flight.

    One whose boot is pending is set up already; what it may not be told yet, `gateway.provisional` says. One whose
    certificate has expired is pending as well (see `chargers.boots`) and takes those that renew it.
    """
    in_flight = Command.objects.filter(charger=OuterRef("charger"), status=CommandStatus.SENT)
    renews = Q(verb__in=RENEWING, charger__client_certificate__expires_at__lte=timezone.now())
    return Command.objects.filter(
        Q(charger__is_booted=True) | IS_PENDING | renews,
        ~Exists(in_flight),
        status=CommandStatus.PENDING,
        charger__is_online=True,
    )


def claim(charger_ids: Collection[int], *, at: datetime) -> list[Command]:
    """Take the oldest waiting command of each free charger for delivery: it is `sent` when this commits.

    Oldest first: a charger that is told twice must hear the orders as they were given. Two processes cannot claim for
    one charger at once, the partial unique constraint decides.
    """
    waiting = Command.objects.filter(
        Q(charger__is_booted=True) | IS_PENDING | Q(verb__in=RENEWING),
        charger=OuterRef("pk"),
        status=CommandStatus.PENDING,
        expires_at__gt=at,
    )
    oldest = Charger.objects.filter(pk__in=charger_ids).annotate(
        oldest=Subquery(waiting.order_by("created_at").values("pk")[:1])
    )
    ready = deliverable().filter(pk__in=[pk for pk in oldest.values_list("oldest", flat=True) if pk])
    commands = ready.select_related("charger").order_by("created_at")
    return [command for command in commands if _claim_one(command, at)]


def waiting_longest(limit: int) -> list[int]:
    """The chargers that can be given a command, whose oldest one waits longest first."""
    by_charger = deliverable().order_by().values("charger").annotate(since=Min("created_at")).order_by("since")
    return list(by_charger.values_list("charger", flat=True)[:limit])


def _claim_one(command: Command, at: datetime) -> bool:
    try:
        with transaction.atomic():
            claimed = Command.objects.filter(pk=command.pk, status=CommandStatus.PENDING).update(
                status=CommandStatus.SENT, sent_at=at
            )
    except IntegrityError:  # another process has just sent this charger something
        return False
    if claimed:
        command.status, command.sent_at = CommandStatus.SENT, at
        _announce([command])
    return claimed == 1


def record_wording(command: Command, *, action: str, payload: dict[str, Any]) -> None:
    """Keep what goes over the wire for a command, without its secrets: nobody needs them here any more."""
    command.action, command.payload, command.arguments = action, masked(payload), masked(command.arguments)
    command.save(update_fields=["action", "payload", "arguments"])


def masked(said: dict[str, Any]) -> dict[str, Any]:
    """Arguments or payload without secrets; the same object if there is none."""
    text = json.dumps(said)
    shown = mask(text)
    return said if shown is text else json.loads(shown)


def _forget_secrets(command: Command) -> None:
    """A command that was never put into words is over."""
    arguments, payload = masked(command.arguments), masked(command.payload)
    if (arguments, payload) != (command.arguments, command.payload):
        command.arguments, command.payload = arguments, payload
        command.save(update_fields=["arguments", "payload"])


@transaction.atomic
def settle(
    command_id: UUID, *, status: CommandStatus, answer: Any = None, explanation: str = "", at: datetime
) -> Command | None:
    """Close a command with the charger's answer; None if it was closed before. Safe to repeat.

    An answer that comes after its `timeout` is kept as ``late_answer`` and changes nothing else.
    """
    closed = Command.objects.filter(pk=command_id, status=CommandStatus.SENT).update(
        status=status, answer=answer, explanation=explanation[:500], settled_at=at
    )
    if closed != 1:
        Command.objects.filter(pk=command_id, status=CommandStatus.TIMEOUT, late_answer__isnull=True).update(
            late_answer=answer
        )
        return None
    command = Command.objects.select_related("charger").get(pk=command_id)
    _forget_secrets(command)
    _announce([command])
    return command


def cancel(command: Command) -> bool:
    """Withdraw a command that still waits; False if it was sent meanwhile."""
    withdrawn = Command.objects.filter(pk=command.pk, status=CommandStatus.PENDING).update(
        status=CommandStatus.CANCELLED, settled_at=timezone.now()
    )
    if withdrawn:
        _forget_secrets(command)
        _announce([command])
    return withdrawn == 1


@transaction.atomic
def sweep(*, at: datetime) -> list[Command]:
    """Close what waited too long: `expired` if it was never sent, `timeout` if no answer came."""
    unanswered = Command.objects.filter(
        status=CommandStatus.SENT, sent_at__lt=at - timedelta(seconds=settings.COMMAND_TIMEOUT_S)
    )
    stale = Command.objects.filter(status=CommandStatus.PENDING, expires_at__lte=at)
    closed = [
        *_close(
            unanswered, CommandStatus.TIMEOUT, phrase("The charger did not answer; it may have acted all the same."), at
        ),
        *_close(stale, CommandStatus.EXPIRED, phrase("The charger did not come online in time; nothing was sent."), at),
    ]
    for command in closed:
        _forget_secrets(command)
    _announce(closed)
    return closed


def _close(commands: QuerySet[Command], status: CommandStatus, why: str, at: datetime) -> list[Command]:
    found = list(commands.order_by("created_at")[:SWEPT_AT_ONCE])
    # Each under its own condition once more: the answer may come between the read and the write.
    return [
        command
        for command in found
        if commands.filter(pk=command.pk).update(status=status, explanation=why, settled_at=at) == 1
    ]


def _announce(commands: Iterable[Command]) -> None:
    command_ids = {command.pk for command in commands}
    charger_ids = {command.charger_id for command in commands}
    if command_ids:
        transaction.on_commit(
            lambda: command_changed.send_robust(sender=Command, command_ids=command_ids, charger_ids=charger_ids)
        )
