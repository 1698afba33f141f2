"""What a charger answers to our commands, and what it thinks of our answers: the command is settled by it.

As `gateway.dispatch`, inside the batch's transaction. Knows no action: what an answer means, the dialect reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from chargers import commands, configuration
from chargers.models import Command, CommandStatus
from gateway import frames, schemas
from gateway.call import Books, Call
from gateway.dialect import verdict
from gateway.errors import OcppError

if TYPE_CHECKING:
    from gateway.dispatch import Turn

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settling:
    """``orders``: ours that a batch may answer; ``freed``: gets the chargers that can be given the next one."""

    books: Books
    orders: dict[tuple[int, str], Command]
    freed: set[int]

    def settle(self, turn: Turn, frame: frames.Result | frames.Error) -> str | None:
        """Close the command that it answers; the text of our complaint if the answer makes no sense (2.1)."""
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
            return None
        complaint = None
        try:
            status, answer, explanation = self._judge(turn, frame, command, findings)
        except OcppError as error:
            findings.append(error.description)
            status, answer = CommandStatus.FAILED, _content(frame)
            explanation = f"Invalid response: {error.description}"
            if frames.RESULT_ERROR in frames.types_of(turn.dialect.subprotocol):
                complaint = frames.result_error(frame.message_id, error, turn.dialect.subprotocol)
        commands.settle(command.pk, status=status, answer=answer, explanation=explanation, at=turn.at)
        command.status = status  # the same answer may be in this batch once more
        self.freed.add(charger.pk)
        return complaint

    def _judge(
        self, turn: Turn, frame: frames.Result | frames.Error, command: Command, findings: list[str]
    ) -> tuple[CommandStatus, Any, str]:
        """What an answer means: the command's status, what of it is kept, and why in words if it failed.

        Raises OcppError for an answer that makes no sense.
        """
        if isinstance(frame, frames.Error):
            configuration.refused(turn.charger, command.payload, order=command.pk)
            return CommandStatus.FAILED, _content(frame), f"{frame.code}: {frame.description}".rstrip(": ")
        messages = schemas.load(turn.dialect.schemas)
        meant = turn.dialect.answer_as_meant(command.action, frame.payload)
        payload, tolerated = messages.read_answer(command.action, meant)
        findings += tolerated
        reading = turn.dialect.readings.get(command.action)
        if reading is not None:
            call = Call(turn.charger, frame.message_id, command.action, payload, turn.at, self.books, findings)
            reading(command, payload, call)
        return verdict(payload), frame.payload, ""

    def hear_complaint(self, turn: Turn, frame: frames.ResultError) -> None:
        """Our answer was wrong, or the charger thinks so. What it answered is stored; staff have to see it."""
        charger = turn.charger
        self.books.journal.complained(
            charger, turn.text, message_id=frame.message_id, error_code=frame.code, at=turn.at
        )
        log.error(
            "answer_refused",
            charger=charger.identity,
            id=frame.message_id,
            code=frame.code,
            description=frame.description[:255],
        )


def _content(frame: frames.Result | frames.Error) -> Any:
    """What of an answer is kept with the command."""
    if isinstance(frame, frames.Result):
        return frame.payload
    return {"code": frame.code, "description": frame.description, "details": frame.details}
