"""Commands on their way out: claimed from the outbox, put into the charger's words, checked to the letter, published.

A command that cannot be said, or would break the schema, is settled as failed with the field named; the next one is
tried. Who calls publishes what is returned after the commit, and never again: see the promise in `chargers.commands`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson
import structlog
from django.db import DatabaseError, transaction

from chargers import commands, configuration, large_frames
from chargers.models import Charger, Command, CommandStatus
from gateway import behaviour, claim_check, crash, downgrade, frames, provisional, schemas, topics
from gateway.bus.publisher import BusAway, Publication, Publisher
from gateway.call import Books
from gateway.dialect import Unspeakable
from gateway.registry import DIALECTS

log = structlog.get_logger(__name__)


def deliver(charger_ids: Collection[int], books: Books) -> list[Publication]:
    """Send each free charger its oldest waiting command; inside a transaction, published by the caller after it."""
    publications: list[Publication] = []
    left = set(charger_ids)
    while left:
        claimed = commands.claim(left, at=books.at)
        said = [(command, _say(command, books)) for command in claimed]
        publications += [publication for _, publication in said if publication]
        # A charger whose command could not be said is still free.
        left = {command.charger_id for command, publication in said if publication is None}
    return publications


def deliver_now(charger_ids: Collection[int], publisher: Publisher, *, at: datetime) -> int:
    """Deliver outside of a batch; how many commands went out: none, and none claimed, while the broker is away."""
    if not charger_ids:
        return 0
    try:
        publisher.require()
    except BusAway as error:
        log.warning("commands_wait", chargers=len(charger_ids), error=str(error))
        return 0
    with transaction.atomic():
        books = Books(at)
        publications = deliver(charger_ids, books)
        books.write()
    crash.at("delivery.after_claim")
    publisher.publish(publications)
    return len(publications)


def _say(command: Command, books: Books) -> Publication | None:
    """One claimed command as message; None if it was settled as failed instead."""
    charger = command.charger
    try:
        action, payload = _wording(command)
    except Unspeakable as error:
        commands.settle(command.pk, status=CommandStatus.FAILED, explanation=str(error), at=books.at)
        return None
    text = frames.call(str(command.pk), action, payload)
    configuration.told(charger, text, is_made=command.verb == "rotate_password", order=command.pk)
    if not command.verb:
        command.arguments = DIALECTS[charger.subprotocol].meaning(action, payload)
    commands.record_wording(command, action=action, payload=payload)
    books.journal.sent(charger, message_id=str(command.pk), action=action, request=text, at=books.at)
    books.changed_chargers.add(charger.pk)
    log.info("frame", charger=charger.identity, frame="down", action=action, id=str(command.pk))
    return to_charger(charger, text, at=books.at)


def to_charger(charger: Charger, text: str, *, at: datetime) -> Publication:
    """A frame to a charger; one that is too large for the broker goes by the database, in the caller's transaction."""
    if claim_check.is_too_large(text):
        text = claim_check.reference(large_frames.keep(charger.pk, text.encode(), at=at))
    return Publication(topics.outbound(topics.key(charger.identity)), text.encode())


def hang_up(charger: Charger, reason: str) -> Publication:
    """Tells the gateway that holds the charger's connection to end it (1008)."""
    told = {"verb": "hang_up", "key": topics.key(charger.identity), "epoch": charger.epoch, "reason": reason[:120]}
    return Publication(topics.gateway_control(charger.gateway), orjson.dumps(told))


def _wording(command: Command) -> tuple[str, dict[str, Any]]:
    """Action and payload, valid to the letter. Raises Unspeakable with a sentence for the operator."""
    charger = command.charger
    dialect = DIALECTS.get(charger.subprotocol)
    if dialect is None:
        raise Unspeakable(
            f"Charger {charger.identity!r} speaks {charger.subprotocol!r}; we speak {', '.join(DIALECTS)}."
        )
    try:
        with transaction.atomic():  # a wording may look things up; its fault must not take the batch along
            action, payload = dialect.word(command)
            payload = behaviour.outbound(command, payload)
            frames.call("", action, payload)
    except (Unspeakable, DatabaseError) as error:
        raise error if isinstance(error, Unspeakable) else Unspeakable(f"{command.verb}: {error}") from error
    except Exception as error:
        log.exception("wording_failed", command=str(command.pk), verb=command.verb)
        raise Unspeakable(f"{command.verb or command.action} cannot be put into OCPP: {_reason(error)}.") from error
    messages = schemas.load(dialect.schemas)
    if not messages.knows(action):
        raise Unspeakable(f"OCPP {charger.ocpp_version} has no action {action!r}.")
    if not provisional.may_hear(charger, action):
        raise Unspeakable(f"The boot of {charger.identity!r} is Pending: admit it first, then {action} can be sent.")
    objections = messages.objections(action, payload)
    if lower := downgrade.objection(charger, action, payload):
        raise Unspeakable(lower)
    if objections:
        raise Unspeakable(f"{action} would not be valid OCPP {charger.ocpp_version}: {' '.join(objections)[:400]}")
    return action, payload


def _reason(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
