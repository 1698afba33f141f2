"""Whether what a charger accepted has happened: "Accepted" is its word, the effect is the truth.

Each verb whose effect shows has a look at the tables, set-based, and a time after which it counts as not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db import transaction

from chargers.models import Boot, Command, CommandStatus, Connector, ConnectorStatus, Transfer
from chargers.sentences import phrase
from chargers.signals import command_changed
from sessions.models import ChargingSession
from sessions.remote import remote_start_id

# Told to people, see chargers/sentences.py.
STARTED = phrase("session {number} started")
ENDED = phrase("session {number} ended")
CONNECTOR_IS = phrase("it is {word}")

# When it was seen, and what, in words.
Seen = tuple[datetime, str]
Look = Callable[[Sequence[Command]], dict[UUID, Seen]]
OLDEST = timedelta(hours=26)  # a command that waited a day for its charger, and the longest effect


@dataclass(frozen=True, slots=True)
class Effect:
    """What is expected after a verb. ``expects`` completes "waiting to see that …"."""

    expects: str
    within: timedelta
    look: Look


def _booted(commands: Sequence[Command]) -> dict[UUID, Seen]:
    since = min(command.sent_at or command.created_at for command in commands)
    boots = Boot.objects.filter(charger__in={c.charger_id for c in commands}, received_at__gte=since)
    rows = list(boots.order_by("received_at"))
    return {
        command.pk: (boot.received_at, phrase("it booted")) for command in commands if (boot := _first(rows, command))
    }


def _first(rows: Sequence[Boot], command: Command) -> Boot | None:
    sent_at = command.sent_at or command.created_at
    return next((row for row in rows if row.charger_id == command.charger_id and row.received_at > sent_at), None)


def _started(commands: Sequence[Command]) -> dict[UUID, Seen]:
    since = min(command.sent_at or command.created_at for command in commands)
    sessions = list(
        ChargingSession.objects.filter(
            charger__in={c.charger_id for c in commands}, started_received_at__gte=since
        ).order_by("started_received_at")
    )
    found: dict[UUID, Seen] = {}
    for command in commands:
        number, evse_id = remote_start_id(command.pk), command.arguments.get("evse_id")
        for session in sessions:
            is_here = session.charger_id == command.charger_id and evse_id in (None, 0, session.evse_id)
            is_ours = session.remote_start_id == number or session.remote_start_id is None
            if is_here and is_ours and session.started_received_at > (command.sent_at or command.created_at):
                found[command.pk] = (session.started_received_at, STARTED.format(number=session.pk))
                break
    return found


def _stopped(commands: Sequence[Command]) -> dict[UUID, Seen]:
    chargers = {command.charger_id for command in commands}
    sessions = ChargingSession.objects.filter(charger__in=chargers, stopped_received_at__isnull=False)
    since = min(command.sent_at or command.created_at for command in commands)
    ended = {
        (session.charger_id, session.transaction_id): session
        for session in sessions.filter(stopped_received_at__gte=since)
    }
    found: dict[UUID, Seen] = {}
    for command in commands:
        number = str(command.payload.get("transactionId", command.arguments.get("transaction_id", "")))
        session = ended.get((command.charger_id, number))
        if session and session.stopped_received_at:
            found[command.pk] = (session.stopped_received_at, ENDED.format(number=session.pk))
    return found


def _available(commands: Sequence[Command]) -> dict[UUID, Seen]:
    plugs: dict[int, list[Connector]] = {}
    for plug in Connector.objects.filter(charger__in={c.charger_id for c in commands}, evse_id__gt=0).order_by():
        plugs.setdefault(plug.charger_id, []).append(plug)
    found: dict[UUID, Seen] = {}
    for command in commands:
        evse_id, wanted = command.arguments.get("evse_id") or 0, bool(command.arguments.get("operative"))
        meant = [plug for plug in plugs.get(command.charger_id, []) if evse_id in (0, plug.evse_id)]
        is_so = [(plug.status != ConnectorStatus.UNAVAILABLE) == wanted for plug in meant]
        if meant and all(is_so):
            at = max((plug.status_at for plug in meant if plug.status_at), default=command.settled_at)
            word = phrase("in service") if wanted else phrase("out of service")
            found[command.pk] = (
                max(at, command.settled_at) if at and command.settled_at else at,
                CONNECTOR_IS.format(word=word),
            )  # type: ignore[assignment]
    return found


def _uploaded(commands: Sequence[Command]) -> dict[UUID, Seen]:
    return _transferred(
        commands, ("Uploaded",), (Transfer.Kind.DIAGNOSTICS, Transfer.Kind.LOG), phrase("the log was uploaded")
    )


def _installed(commands: Sequence[Command]) -> dict[UUID, Seen]:
    return _transferred(commands, ("Installed",), (Transfer.Kind.FIRMWARE,), phrase("it says Installed"))


def _transferred(
    commands: Sequence[Command], statuses: Sequence[str], kinds: Sequence[Transfer.Kind], words: str
) -> dict[UUID, Seen]:
    since = min(command.sent_at or command.created_at for command in commands)
    steps = list(
        Transfer.objects.filter(
            charger__in={c.charger_id for c in commands}, status__in=statuses, kind__in=kinds, received_at__gte=since
        ).order_by("received_at")
    )
    found: dict[UUID, Seen] = {}
    for command in commands:
        sent_at = command.sent_at or command.created_at
        step = next((s for s in steps if s.charger_id == command.charger_id and s.received_at > sent_at), None)
        if step:
            found[command.pk] = (step.received_at, words)
    return found


EFFECTS: dict[str, Effect] = {
    "reset": Effect(phrase("it boots"), timedelta(minutes=5), _booted),
    "remote_start": Effect(phrase("a session starts"), timedelta(minutes=3), _started),
    "remote_stop": Effect(phrase("the session ends"), timedelta(minutes=3), _stopped),
    "change_availability": Effect(phrase("its connectors say so"), timedelta(minutes=2), _available),
    "fetch_logs": Effect(phrase("the log is uploaded"), timedelta(minutes=30), _uploaded),
    "update_firmware": Effect(phrase("the firmware is installed"), timedelta(hours=2), _installed),
}


@transaction.atomic
def look(*, at: datetime) -> int:
    """Settle the effects that show, or are overdue; how many. Safe to repeat."""
    awaited = Command.objects.filter(
        status=CommandStatus.ACCEPTED, effect="", verb__in=EFFECTS, created_at__gte=at - OLDEST
    ).order_by("verb", "sent_at")
    settled: list[Command] = []
    for verb, group in groupby(awaited, key=lambda command: command.verb):
        commands = list(group)
        seen = EFFECTS[verb].look(commands)
        for command in commands:
            if command.pk in seen:
                command.effect = Command.Effect.SEEN
                command.effect_at, command.effect_text = seen[command.pk]
                settled.append(command)
            elif command.settled_at and command.settled_at + EFFECTS[verb].within <= at:
                command.effect, command.effect_at = Command.Effect.NOT_SEEN, at
                settled.append(command)
    Command.objects.bulk_update(settled, ("effect", "effect_at", "effect_text"), batch_size=200)
    if settled:
        ids, chargers = {command.pk for command in settled}, {command.charger_id for command in settled}
        transaction.on_commit(
            lambda: command_changed.send_robust(sender=Command, command_ids=ids, charger_ids=chargers)
        )
    return len(settled)
