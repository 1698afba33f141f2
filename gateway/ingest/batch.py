"""A batch of frames, done in one transaction. Runs in a hand of the crew; knows no MQTT.

If anything in it raises, each frame is done again in a transaction of its own. The one that still fails goes to the
dead letters, and its charger gets an answer all the same: the confirmation that money needs, or InternalError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.utils import timezone

from chargers import commands, dead_letters, journal
from chargers.models import Charger, Command, CommandStatus, DeadLetter, Exchange
from chargers.signals import charger_changed
from gateway import apps, crash, delivery, events, frames, topics
from gateway.bus.publisher import Publication
from gateway.call import Books
from gateway.dispatch import MEMORY, Dispatcher, Turn
from gateway.errors import InternalError
from gateway.ingest.inbound import Inbound, turns_of
from gateway.ingest.outage import DatabaseAway, is_outage
from sessions.models import ChargingSession
from sessions.signals import session_changed

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Outcome:
    """What a batch leads to once it has committed: first said to the chargers, then told to the floors above."""

    publications: list[Publication] = field(default_factory=list)
    news: list[Callable[[], Any]] = field(default_factory=list)
    commit_s: float = 0.0  # how long the COMMIT took

    def add(self, other: Outcome) -> None:
        self.publications += other.publications
        self.news += other.news
        self.commit_s += other.commit_s

    def tell(self) -> None:
        """Tell the news; a receiver that fails harms nobody."""
        for tell in self.news:
            crash.at("worker.before_news")
            try:
                tell()
            except Exception:
                log.exception("news_not_told")


def process(inbound: Sequence[Inbound]) -> Outcome:
    """Do a batch. Raises DatabaseAway, and then the same batch again is safe: what was stored is found done."""
    try:
        return _commit(inbound)
    except Exception as error:
        if is_outage(error):
            raise DatabaseAway(str(error)) from error
        log.warning("batch_failed", frames=len(inbound), error=repr(error)[:200])
    outcome = Outcome()
    for one in inbound:
        outcome.add(_process_alone(one))
    return outcome


def replay(letter_id: int) -> None:
    """Digest a dead letter once more, as if it came now; the charger hears nothing of it."""
    letter = DeadLetter.objects.get(pk=letter_id)
    now = timezone.now()
    inbound = Inbound(topics.key(letter.identity), letter.frame.encode(), now.timestamp())
    try:
        outcome = _commit([inbound], is_replay=True)
    except Exception as error:
        if is_outage(error):
            raise
        dead_letters.mark_failed_again(letter_id, error=error)
        return
    dead_letters.mark_replayed(letter_id, at=now)
    outcome.tell()


def _commit(inbound: Sequence[Inbound], *, is_replay: bool = False) -> Outcome:
    """``is_replay``: nobody listens, so nothing is answered from memory and no command is claimed."""
    with transaction.atomic():
        books = Books(timezone.now())
        turns = turns_of(inbound)
        dispatcher = Dispatcher(books, {} if is_replay else _served(turns), _orders(turns))
        replies = [dispatcher.serve(turn) for turn in turns]
        dispatcher.finish()
        publications = [
            delivery.to_charger(reply.charger, reply.text, at=books.at) for reply in replies if reply.text is not None
        ]
        crash.at("worker.in_transaction")
        publications += delivery.deliver(set() if is_replay else dispatcher.freed, books)
        books.write()
        books.changed_chargers.update(turn.charger.pk for turn in turns)
        publications += [events.publication(event, at=books.at) for event in books.events]
        publications += [delivery.hang_up(charger, reason) for charger, reason in books.hang_ups]
        _announce(books)
        news = _hold_back_news()
        crash.at("worker.before_commit")
        ends_at = time.monotonic()
    outcome = Outcome(publications, news, commit_s=time.monotonic() - ends_at)
    crash.at("worker.after_commit")
    return outcome


def _served(turns: list[Turn]) -> dict[tuple[int, str, str], Exchange]:
    keys = {
        (turn.charger.pk, turn.frame.message_id) for turn in turns if isinstance(turn.frame, frames.Call | frames.Send)
    }
    return journal.remembered(keys, since=timezone.now() - MEMORY)


def _orders(turns: list[Turn]) -> dict[tuple[int, str], Command]:
    """Our commands that these frames may answer."""
    answers = [turn.frame for turn in turns if isinstance(turn.frame, frames.Result | frames.Error)]
    wanted = {command_id for answer in answers if (command_id := _uuid(answer.message_id))}
    if not wanted:
        return {}
    return {(command.charger_id, str(command.pk)): command for command in Command.objects.filter(pk__in=wanted)}


def _uuid(message_id: str) -> UUID | None:
    try:
        return UUID(message_id)
    except ValueError:
        return None


def _announce(books: Books) -> None:
    chargers, sessions = books.changed_chargers, books.changed_sessions
    for request in books.unanswered:
        transaction.on_commit(partial(apps.ring_for_answer, request))
    if chargers:
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids=chargers))
    if sessions:
        transaction.on_commit(
            lambda: session_changed.send_robust(sender=ChargingSession, session_ids=sessions, charger_ids=chargers)
        )


def _hold_back_news() -> list[Callable[[], Any]]:
    """Take what is to be told on commit out of Django's hands: chargers hear their answers first."""
    hooks = connection.run_on_commit
    connection.run_on_commit = []
    return [hook for _, hook, *_ in hooks]


# -- the poison frame is alone ---------------------------------------------------------------------------------------


def _process_alone(one: Inbound) -> Outcome:
    try:
        return _commit([one])
    except Exception as error:
        if is_outage(error):
            raise DatabaseAway(str(error)) from error
        try:
            return bury(one, error)
        except Exception as worse:
            if is_outage(worse):
                raise DatabaseAway(str(worse)) from worse
            # Let go: tried for ever it would hold up all chargers. Its own charger, unanswered, says it again.
            log.critical("frame_lost", key=one.key, size=len(one.payload), exc_info=worse)
            return Outcome()


def bury(one: Inbound, error: Exception) -> Outcome:
    """Put a frame among the dead letters and answer its charger, in a transaction of its own."""
    with transaction.atomic():
        books = Books(timezone.now())
        outcome = Outcome()
        for turn in turns_of([one]):
            log.error("frame_buried", charger=turn.charger.identity, exc_info=error)
            dead_letters.bury(turn.charger, turn.text, error=error, at=turn.at)
            books.presence.heard(turn.charger, turn.at)
            text = _last_word(turn, books)
            if text is not None:
                outcome.publications.append(delivery.to_charger(turn.charger, text, at=books.at))
            books.changed_chargers.add(turn.charger.pk)
        books.write()
        _announce(books)
        outcome.news = _hold_back_news()
    return outcome


def _last_word(turn: Turn, books: Books) -> str | None:
    """What the charger hears when its frame is beyond us, and how the journal keeps it."""
    frame, now = turn.frame, timezone.now()
    match frame:
        case frames.Call(message_id=message_id, action=action):
            entry = books.journal.asked(
                turn.charger,
                message_id=message_id,
                action=action,
                request=turn.text,
                at=turn.at,
                digest=frame.digest(),
                findings=["The frame could not be digested; it is in the dead letters."],
            )
            confirmation = turn.dialect.money.get(action)
            if confirmation is not None:
                text = frames.result(message_id, confirmation)
                books.journal.answered(entry, text, at=now)
                return text
            refusal = InternalError("We could not process this message; our staff can see it.")
            text = frames.error(message_id, refusal, turn.dialect.subprotocol)
            books.journal.answered(entry, text, at=now, error_code=refusal.code)
            return text
        case frames.Send(message_id=message_id, action=action):
            entry = books.journal.asked(
                turn.charger,
                message_id=message_id,
                action=action,
                request=turn.text,
                at=turn.at,
                findings=["The frame could not be digested; it is in the dead letters."],
            )
            books.journal.closed(entry, error_code=InternalError.code)
        case frames.Result(message_id=message_id) | frames.Error(message_id=message_id):
            books.journal.heard_answer(turn.charger, turn.text, message_id=message_id, at=turn.at)
            command_id = _uuid(message_id)
            if command_id is not None and Command.objects.filter(pk=command_id, charger=turn.charger).exists():
                why = "The charger's answer could not be digested; it is in the dead letters."
                commands.settle(command_id, status=CommandStatus.FAILED, explanation=why, at=turn.at)
    return None
