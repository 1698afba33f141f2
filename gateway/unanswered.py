"""What chargers on API Gateway have asked and wait for, in DynamoDB: when to ask again, and what silence means.

The part of `gateway.relay` and `gateway.offline` that functions without a memory can have. A queue brings each question
back after `AGAIN_S`; rows of the connections' table say which are open:

    call#CONNECTION#ID    a question that is not answered
    order#CONNECTION#ID   an order of ours that was handed over, and whether it was answered
    odd#CONNECTION#MINUTE how many unreadable or unasked-for frames came
    yard                  when anybody was answered last; and until when nobody may come in
"""

from __future__ import annotations

import enum
import os
import time
from dataclasses import asdict, dataclass, replace

import orjson
from django.conf import settings

from gateway.iot import cloud, table
from gateway.relay import GIVE_UP_S, REPUBLISH_S, UNREADABLE_PER_MINUTE

AGAIN_S = int(REPUBLISH_S)
SILENT_AFTER_S = 10  # a question is that old, and nobody at all was answered meanwhile: no worker lives
# While no worker answers one charger is let in that often, to see whether one does again.
PROBE_EVERY_S = 15
NOTE_EVERY_S = 2.0
KEPT_S = 3600

_noted_at = 0.0  # monotonic, of this instance of a function


class Waiting(enum.Enum):
    OVER = "answered, or the charger is on another connection"
    ASK_AGAIN = "ask again"
    SEND_OFFLINE = "nobody is answered"
    GIVE_UP = "only this one is not answered"


@dataclass(frozen=True, slots=True)
class Question:
    key: str
    connection: str
    message_id: str
    endpoint: str
    text: str
    tries: int = 0

    @classmethod
    def read(cls, body: str) -> Question:
        return cls(**orjson.loads(body))


def mark(question: Question) -> None:
    """An answer with this id may come."""
    _put(f"call#{question.connection}#{question.message_id}")


def ask_later(question: Question) -> None:
    """Have `look_after` called in `AGAIN_S`."""
    body = orjson.dumps(asdict(replace(question, tries=question.tries + 1))).decode()
    queue = os.environ["UNANSWERED_QUEUE_URL"]
    cloud.call("sqs", "SendMessage", QueueUrl=queue, MessageBody=body, DelaySeconds=AGAIN_S)


def look_after(question: Question, *, is_held: bool) -> Waiting:
    """What to do about a question that the queue has brought back; ``is_held``: the charger is on its connection."""
    pk, age_s = f"call#{question.connection}#{question.message_id}", question.tries * AGAIN_S
    if not is_held or table.row(pk) is None:
        return Waiting.OVER
    if settings.FAIL_OFFLINE and age_s >= SILENT_AFTER_S and _is_silent():
        _shut()
        table.delete(pk)
        return Waiting.SEND_OFFLINE
    if age_s >= GIVE_UP_S:
        table.delete(pk)
        return Waiting.GIVE_UP
    return Waiting.ASK_AGAIN


def settle(connection: str, message_id: str) -> bool:
    """Whether somebody waits for this answer; from now on nobody does. "-1": to what had no id that one could read."""
    if message_id != "-1" and not table.delete(f"call#{connection}#{message_id}"):
        return False
    _note_answer()
    return True


def unsettle(connection: str, message_id: str) -> None:
    """It could not be handed over."""
    _put(f"call#{connection}#{message_id}")


def order(connection: str, message_id: str) -> bool:
    """Whether this order of ours is new on that connection."""
    return _put(f"order#{connection}#{message_id}", only_if="attribute_not_exists(pk)")


def forget(connection: str, message_id: str) -> None:
    """The order could not be handed over."""
    table.delete(f"order#{connection}#{message_id}")


def answers(connection: str, message_id: str) -> bool:
    """Whether an order of ours has waited for this answer, and has it now for the first time."""
    return table.update(
        f"order#{connection}#{message_id}",
        "SET answered = :yes",
        {":yes": {"BOOL": True}},
        only_if="attribute_exists(pk) AND attribute_not_exists(answered)",
    )


def is_too_odd(connection: str) -> bool:
    """One more frame that nobody can read or has asked for; whether that is more than may be in a minute."""
    return table.count(f"odd#{connection}#{int(time.time() // 60)}") > UNREADABLE_PER_MINUTE


def may_come_in() -> bool:
    """While no worker answers, one charger each `PROBE_EVERY_S`."""
    yard = table.row("yard") if settings.FAIL_OFFLINE else None
    if yard is None or "closedUntil" not in yard:
        return True
    if _now_ms() < int(yard["closedUntil"]):
        return False
    # If not, another one was faster, or somebody was answered: it dials again anyway.
    return _shut(seen=yard["closedUntil"])


def _is_silent() -> bool:
    yard = table.row("yard")
    return yard is None or _now_ms() - int(yard.get("answeredAt", 0)) > SILENT_AFTER_S * 1000


def _note_answer() -> None:
    """Somebody was answered, so a worker lives: whoever wants may come in."""
    global _noted_at  # noqa: PLW0603 - what an instance of a function remembers between two calls
    if time.monotonic() - _noted_at < NOTE_EVERY_S:
        return
    table.put("yard", {"answeredAt": {"N": str(_now_ms())}})
    _noted_at = time.monotonic()


def _shut(seen: str = "") -> bool:
    """Let nobody in for `PROBE_EVERY_S`; False if ``seen`` is not what stands there any more."""
    values = {":until": {"N": str(_now_ms() + PROBE_EVERY_S * 1000)}}
    if not seen:
        return table.update("yard", "SET closedUntil = :until", values)
    return table.update(
        "yard", "SET closedUntil = :until", values | {":seen": {"N": seen}}, only_if="closedUntil = :seen"
    )


def _put(pk: str, *, only_if: str = "") -> bool:
    return table.put(pk, {"goneAt": {"N": str(int(time.time()) + KEPT_S)}}, only_if=only_if)


def _now_ms() -> int:
    return int(time.time() * 1000)
