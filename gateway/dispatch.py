"""One frame of a charger → what it changes, and our answer. Knows framing, versions' tables and boot rules, no action.

Everything here happens inside the batch's transaction. A handler that refuses (raises OcppError) must not have written
anything; any other exception rolls the batch back, see `gateway.ingest.batch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone

from chargers import commands
from chargers.models import Charger, Command, CommandStatus, Exchange, Registration
from gateway import frames, schemas
from gateway.call import Books, Call
from gateway.dialect import Dialect, Payload, verdict
from gateway.errors import (
    MessageTypeNotSupported,
    NotImplementedAction,
    NotSupportedAction,
    OcppError,
    SecurityError,
    TypeConstraintViolation,
)

log = structlog.get_logger(__name__)

# The one action by which the framing of all versions turns: nothing else is served before it was accepted.
BOOT = "BootNotification"
HEARTBEAT = "Heartbeat"
MEMORY = timedelta(hours=24)
# Older, its currentTime would set the charger's clock wrong.
MEMORY_OF_HEARTBEAT = timedelta(seconds=30)
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
class Dispatcher:
    """Serves the frames of one batch."""

    books: Books
    served: dict[tuple[int, str, str], Exchange]  # see `chargers.journal.remembered`
    orders: dict[tuple[int, str], Command]  # ours that these frames may answer, by charger and message id
    freed: set[int] = field(default_factory=set)  # chargers that can be given the next command

    def serve(self, turn: Turn) -> str | None:
        """Handle one frame; the text of our answer, None if none is due."""
        self.books.presence.heard(turn.charger, turn.at)
        match turn.frame:
            case frames.Call():
                return self._serve_call(turn, turn.frame)
            case frames.Unreadable():
                return self._serve_unreadable(turn, turn.frame)
            case frames.Result() | frames.Error():
                self._settle(turn, turn.frame)
        return None

    # -- requests of the charger ---------------------------------------------------------------------------------------

    def _serve_call(self, turn: Turn, frame: frames.Call) -> str:
        charger, books, digest = turn.charger, self.books, frame.digest()
        remembered = self.served.get((charger.pk, frame.message_id, digest))
        if remembered and _is_fresh(remembered, turn):
            log.info("frame", charger=charger.identity, action=frame.action, id=frame.message_id, outcome="repeated")
            return remembered.response
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
        try:
            answer = self._answer(turn, frame, findings)
        except OcppError as refusal:
            text = frames.error(frame.message_id, refusal, turn.dialect.subprotocol)
            error_code = refusal.wire_code(turn.dialect.subprotocol)
        else:
            text, error_code = frames.result(frame.message_id, answer), ""
        if frame.action == BOOT:
            self.freed.add(charger.pk)
        books.journal.answered(entry, text, at=timezone.now(), error_code=error_code)
        log.info(
            "frame",
            charger=charger.identity,
            action=frame.action,
            id=frame.message_id,
            outcome=error_code or "result",
        )
        return text

    def _answer(self, turn: Turn, frame: frames.Call, findings: list[str]) -> Payload:
        """The payload of our answer. Raises OcppError."""
        charger, dialect, action = turn.charger, turn.dialect, frame.action
        if action != BOOT and not may_talk(charger):
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
        findings += [f"{text} was read as null." for text in frame.unusable]
        payload, tolerated = messages.read_request(action, frame.payload, is_money=is_money)
        findings += tolerated
        answer = handler(Call(charger, frame.message_id, action, payload, turn.at, self.books, findings))
        if not messages.is_valid_answer(action, answer):
            # A strict charger ends itself at such an answer: our bug, to be seen at once.
            log.error("invalid_answer", charger=charger.identity, action=action, answer=answer)
        return answer

    def _serve_unreadable(self, turn: Turn, frame: frames.Unreadable) -> str | None:
        text = answer_to_unreadable(frame, turn.dialect.subprotocol)
        self.books.journal.unreadable(turn.charger, turn.text, why=frame.why, at=turn.at, response=text or "")
        log.info("frame", charger=turn.charger.identity, outcome="unreadable", why=frame.why)
        return text

    # -- answers of the charger to us ----------------------------------------------------------------------------------

    def _settle(self, turn: Turn, frame: frames.Result | frames.Error) -> None:
        charger = turn.charger
        findings = list(frame.findings)
        self.books.journal.heard_answer(
            charger,
            turn.text,
            message_id=frame.message_id,
            at=turn.at,
            error_code=frame.code if isinstance(frame, frames.Error) else "",
            findings=findings,
        )
        command = self.orders.get((charger.pk, frame.message_id))
        is_awaited = command is not None and (
            command.status == CommandStatus.SENT
            or (command.status == CommandStatus.TIMEOUT and command.late_answer is None)
        )
        log.info(
            "frame",
            charger=charger.identity,
            action=command.action if command else None,
            id=frame.message_id,
            outcome="answer" if is_awaited else "answer to nothing",
        )
        if command is None or not is_awaited:
            return
        status, answer, explanation = self._judge(turn, frame, command, findings)
        commands.settle(command.pk, status=status, answer=answer, explanation=explanation, at=turn.at)
        command.status = status  # the same answer may be in this batch once more
        self.freed.add(charger.pk)

    def _judge(
        self, turn: Turn, frame: frames.Result | frames.Error, command: Command, findings: list[str]
    ) -> tuple[CommandStatus, Any, str]:
        """What an answer means: the command's status, what of it is kept, and why in words if it failed."""
        if isinstance(frame, frames.Error):
            answer = {"code": frame.code, "description": frame.description, "details": frame.details}
            return CommandStatus.FAILED, answer, f"{frame.code}: {frame.description}".rstrip(": ")
        messages = schemas.load(turn.dialect.schemas)
        try:
            meant = turn.dialect.answer_as_meant(command.action, frame.payload)
            payload, tolerated = messages.read_answer(command.action, meant)
            findings += tolerated
            reading = turn.dialect.readings.get(command.action)
            if reading is not None:
                call = Call(turn.charger, frame.message_id, command.action, payload, turn.at, self.books, findings)
                reading(command, payload, call)
        except OcppError as error:
            findings.append(error.description)
            return CommandStatus.FAILED, frame.payload, f"Invalid response: {error.description}"
        return verdict(payload), frame.payload, ""


def may_talk(charger: Charger) -> bool:
    """Whether more than a boot is served: staff admitted the charger and a boot of it was accepted."""
    return charger.is_booted and charger.registration == Registration.ACCEPTED


def answer_to_unreadable(frame: frames.Unreadable, subprotocol: str) -> str | None:
    """2.x wants to hear of every such frame; 1.6 only where it can tell which one is meant."""
    if frame.error is None:
        return None
    if subprotocol == "ocpp1.6" and (frame.message_id is None or isinstance(frame.error, MessageTypeNotSupported)):
        return None
    return frames.error(frame.message_id or NO_ID, frame.error, subprotocol)


def _is_fresh(remembered: Exchange, turn: Turn) -> bool:
    """Whether the answer given then may be given again."""
    if remembered.action in turn.dialect.money:
        return True  # `MEMORY` bounds it: queued records come again over reconnects and reboots
    if remembered.action == HEARTBEAT and turn.at - remembered.requested_at > MEMORY_OF_HEARTBEAT:
        return False
    return remembered.epoch == turn.charger.epoch
