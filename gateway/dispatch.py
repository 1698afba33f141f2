"""One frame of a charger → what it changes, and our answer. Knows framing, versions' tables and boot rules, no action.

Everything here happens inside the batch's transaction. A handler that refuses (raises OcppError) must not have written
anything; any other exception rolls the batch back, see `gateway.ingest.batch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.utils import timezone

from chargers import boots
from chargers.journal import Entry
from chargers.models import Charger, Command, Exchange, Registration
from gateway import behaviour, frames, provisional, schemas
from gateway.call import Aside, Books, Call, Unanswered
from gateway.dialect import Answer, Dialect, Payload
from gateway.errors import (
    MessageTypeNotSupported,
    NotImplementedAction,
    NotSupportedAction,
    OcppError,
    SecurityError,
    TypeConstraintViolation,
)
from gateway.settling import Settling
from sessions.book import Later

log = structlog.get_logger(__name__)

# The one action by which the framing of all versions turns: nothing else is served before it was accepted.
BOOT = "BootNotification"
HEARTBEAT = "Heartbeat"
SIGN = "SignCertificate"  # the one thing that is served to a charger whose certificate has expired
MEMORY = timedelta(hours=24)
# Older, its currentTime would set the charger's clock wrong.
MEMORY_OF_HEARTBEAT = timedelta(seconds=30)
MEMORY_OF_STATE = timedelta(minutes=5)
# Somebody outside is asked meanwhile; then the bell was not heard, and is rung again.
PATIENCE_WITH_ASIDES = timedelta(seconds=14)
# The id of an answer to a frame without a readable one. OCPP-J 2.0.1 part 4 §4.2.3.
NO_ID = "-1"


@dataclass(frozen=True, slots=True)
class Turn:
    """One frame of one charger."""

    charger: Charger
    dialect: Dialect
    text: str
    frame: frames.Frame
    at: datetime  # received, server time


@dataclass(slots=True)
class Reply:
    """Our answer to one frame; ``text`` is None where none is due, or not yet: see `Dispatcher.finish`."""

    charger: Charger
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A request whose answer depends on a session that is written with those of the whole batch."""

    turn: Turn
    frame: frames.Call
    entry: Entry
    later: Later[Payload]
    reply: Reply


@dataclass(slots=True)
class Dispatcher:
    """Serves the frames of one batch."""

    books: Books
    served: dict[tuple[int, str, str], Exchange]  # see `chargers.journal.remembered`
    orders: dict[tuple[int, str], Command]  # ours that these frames may answer, by charger and message id
    freed: set[int] = field(default_factory=set)  # chargers that can be given the next command
    _unfinished: list[Unfinished] = field(default_factory=list)
    _settling: Settling = field(init=False)

    def __post_init__(self) -> None:
        self._settling = Settling(self.books, self.orders, self.freed)

    def serve(self, turn: Turn) -> Reply:
        """Handle one frame."""
        self.books.presence.heard(turn.charger, turn.at)
        reply = Reply(turn.charger)
        match turn.frame:
            case frames.Call():
                reply.text = self._serve_call(turn, turn.frame, reply)
            case frames.Unreadable():
                reply.text = self._serve_unreadable(turn, turn.frame)
            case frames.Result() | frames.Error():
                reply.text = self._settling.settle(turn, turn.frame)
            case frames.Send():
                self._hear(turn, turn.frame)
            case frames.ResultError():
                self._settling.hear_complaint(turn, turn.frame)
        return reply

    def finish(self) -> None:
        """Do the boots and the sessions of the batch; then every reply that is due has its text."""
        self.books.boots.write()
        self.books.sessions.work()
        for it in self._unfinished:
            it.reply.text = self._result(it.turn, it.frame, it.entry, it.later.answer)
        self._unfinished = []

    # -- requests of the charger ---------------------------------------------------------------------------------------

    def _serve_call(self, turn: Turn, frame: frames.Call, reply: Reply) -> str | None:
        charger, books, digest = turn.charger, self.books, frame.digest()
        remembered = self.served.get((charger.pk, frame.message_id, digest))
        if remembered and self._is_fresh(remembered, turn):
            log.info("frame", charger=charger.identity, action=frame.action, id=frame.message_id, outcome="repeated")
            return remembered.response or None
        findings = list(frame.findings)
        entry = books.journal.asked(
            charger,
            message_id=frame.message_id,
            action=frame.action,
            request=turn.text,
            at=turn.at,
            digest=digest,
            findings=findings,
        )
        if frame.action == BOOT:
            self.freed.add(charger.pk)
        try:
            answer = self._answer(turn, frame, findings)
        except OcppError as refusal:
            text = frames.error(frame.message_id, refusal, turn.dialect.subprotocol)
            error_code = refusal.wire_code(turn.dialect.subprotocol)
            return self._close(turn, frame, entry, text, error_code=error_code)
        if isinstance(answer, Later):
            self._unfinished.append(Unfinished(turn, frame, entry, answer, reply))
            return None
        if isinstance(answer, Aside):
            books.unanswered.append(Unanswered(charger.pk, frame.message_id, digest, frame.action, answer.question))
            return None
        return self._result(turn, frame, entry, answer)

    def _result(self, turn: Turn, frame: frames.Call, entry: Entry, answer: Payload) -> str:
        if not schemas.load(turn.dialect.schemas).is_valid_answer(frame.action, answer):
            # A strict charger ends itself at such an answer: our bug, to be seen at once.
            log.error("invalid_answer", charger=turn.charger.identity, action=frame.action, answer=answer)
        return self._close(turn, frame, entry, frames.result(frame.message_id, answer))

    def _close(self, turn: Turn, frame: frames.Call, entry: Entry, text: str, *, error_code: str = "") -> str:
        self.books.journal.answered(entry, text, at=timezone.now(), error_code=error_code)
        log.info(
            "frame",
            charger=turn.charger.identity,
            action=frame.action,
            id=frame.message_id,
            outcome=error_code or "result",
        )
        return text

    def _is_fresh(self, remembered: Exchange, turn: Turn) -> bool:
        """Whether it is the same request again, and the answer given then may be given again."""
        if remembered.outcome == Exchange.Outcome.OPEN:
            return turn.at - remembered.requested_at < PATIENCE_WITH_ASIDES
        if remembered.action in turn.dialect.money:
            return True  # `MEMORY` bounds it: queued records come again over reconnects and reboots
        # Some chargers have few ids, or one: "available" once more under the id of an hour ago, or of something said
        # since, is news.
        lasts = MEMORY_OF_HEARTBEAT if remembered.action == HEARTBEAT else MEMORY_OF_STATE
        is_over = turn.at - remembered.requested_at > lasts or remembered.epoch != turn.charger.epoch
        since = (
            exchange.pk > remembered.pk
            for (charger_id, message_id, _), exchange in self.served.items()
            if (charger_id, message_id) == (remembered.charger_id, remembered.message_id)
        )
        return not is_over and not any(since)

    def _answer(self, turn: Turn, frame: frames.Call, findings: list[str]) -> Answer:
        """The payload of our answer, or the promise of one. Raises OcppError."""
        charger, dialect, action = turn.charger, turn.dialect, frame.action
        if action != BOOT and not may_talk(charger) and not may_say(charger, action, turn.at):
            raise SecurityError(f"Charger {charger.identity!r} has no accepted {BOOT} yet; send one first.")
        messages = schemas.load(dialect.schemas)
        if not messages.knows(action):
            raise NotImplementedAction(f"OCPP {charger.ocpp_version} has no action {action[:64]!r}.")
        handler = dialect.handlers.get(action)
        if handler is None:
            raise NotSupportedAction(f"{action} is not served here.")
        is_money = action in dialect.money
        if frame.unusable and not is_money:
            raise TypeConstraintViolation(f"The payload holds {frame.unusable[0]}.")
        findings += _read_as_null(frame)
        payload, tolerated = messages.read_request(
            action, frame.payload, is_money=is_money, is_strict=charger.is_strict
        )
        findings += tolerated
        payload = behaviour.inbound(charger, payload, findings)
        return handler(Call(charger, frame.message_id, action, payload, turn.at, self.books, findings))

    def _serve_unreadable(self, turn: Turn, frame: frames.Unreadable) -> str | None:
        text = answer_to_unreadable(frame, turn.dialect.subprotocol)
        self.books.journal.unreadable(turn.charger, turn.text, why=frame.why, at=turn.at, response=text or "")
        log.info("frame", charger=turn.charger.identity, outcome="unreadable", why=frame.why)
        return text

    # -- what is not answered (2.1) ------------------------------------------------------------------------------------

    def _hear(self, turn: Turn, frame: frames.Send) -> None:
        """Its sender listens to nothing: what is wrong with it is only kept."""
        charger, books, digest = turn.charger, self.books, frame.digest()
        if (charger.pk, frame.message_id, digest) in self.served:
            log.info("frame", charger=charger.identity, action=frame.action, id=frame.message_id, outcome="repeated")
            return
        findings = [*frame.findings, *_read_as_null(frame)]
        entry = books.journal.asked(
            charger,
            message_id=frame.message_id,
            action=frame.action,
            request=turn.text,
            at=turn.at,
            digest=digest,
            findings=findings,
        )
        error_code = ""
        try:
            self._take_in(turn, frame, findings)
        except OcppError as refusal:
            error_code = refusal.wire_code(turn.dialect.subprotocol)
            findings.append(refusal.description)
        books.journal.closed(entry, error_code=error_code)
        log.info(
            "frame",
            charger=charger.identity,
            action=frame.action,
            id=frame.message_id,
            outcome=error_code or "heard",
        )

    def _take_in(self, turn: Turn, frame: frames.Send, findings: list[str]) -> None:
        """Raises OcppError, with nothing stored."""
        charger, action = turn.charger, frame.action
        if not may_talk(charger):
            raise SecurityError(f"Charger {charger.identity!r} has no accepted {BOOT} yet.")
        messages = schemas.load(turn.dialect.schemas)
        listener = turn.dialect.listeners.get(action)
        if listener is None or not messages.is_unanswered(action):
            raise NotSupportedAction(f"{action[:64]!r} is nothing that OCPP {charger.ocpp_version} sends unanswered.")
        payload, tolerated = messages.read_request(action, frame.payload, is_money=False)
        findings += tolerated
        listener(Call(charger, frame.message_id, action, payload, turn.at, self.books, findings))


def _read_as_null(frame: frames.Call | frames.Send) -> list[str]:
    return [f"{text} was read as null." for text in frame.unusable]


def may_talk(charger: Charger) -> bool:
    """Whether more than a boot is served: staff admitted the charger and a boot of it was accepted."""
    return charger.is_booted and charger.registration == Registration.ACCEPTED


def may_say(charger: Charger, action: str, at: datetime) -> bool:
    """Whether a charger that may not talk yet may say this."""
    return (action == SIGN and may_renew(charger, at)) or provisional.was_asked(charger, action, at=at)


def may_renew(charger: Charger, at: datetime) -> bool:
    return charger.registration == Registration.ACCEPTED and boots.has_expired_certificate(charger, at)


def answer_to_unreadable(frame: frames.Unreadable, subprotocol: str) -> str | None:
    """2.x wants to hear of every such frame; 1.6 only where it can tell which one is meant."""
    if frame.error is None:
        return None
    if subprotocol == "ocpp1.6" and (frame.message_id is None or isinstance(frame.error, MessageTypeNotSupported)):
        return None
    return frames.error(frame.message_id or NO_ID, frame.error, subprotocol)
