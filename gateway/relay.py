"""One charger's frames between its socket and the bus: their order, repeats and time limits. Does no I/O itself.

A CALL of the charger is published only after the one before it was answered, so order per charger holds whatever
broker and workers do, and when it is its turn among those of all chargers (`gateway.turns`). A SEND keeps its place
among them, and nothing waits for it. Answers of the charger to our commands pass at once. Knows frames only as far as
`gateway.peek`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway import crash, frames, metrics
from gateway.peek import Kind, is_answer, peek
from gateway.turns import Turns

# Published but not answered: the broker or a worker may have lost it, and the worker is idempotent.
REPUBLISH_S = 5.0
# Then the charger has given up as well (30 s is the usual timeout) and repeats what matters by itself.
GIVE_UP_S = 30.0
# CALLs a charger may have waiting before we stop reading from it; reading goes on when half are served.
QUEUE = 16
# Or so many characters: the longest frames, inflated from a few bytes, would be gigabytes for some hundred chargers.
QUEUE_CHARACTERS = 512 * 1024
# SENDs of a charger within a second; more wait for the next. No answer slows them, and each is a row.
SENDS_PER_S = 50
# What was read before we stopped still comes; a server that cannot stop reading has to be protected all the same.
FLOOD = 4096
UNREADABLE_PER_MINUTE = 20

log = structlog.get_logger(__name__)


class Ends(Protocol):
    """What a relay connects."""

    def publish(self, text: str) -> None:
        """Hand a frame of the charger to the bus."""

    def deliver(self, text: str) -> None:
        """Hand a frame to the charger."""

    def hold(self, is_held: bool) -> None:
        """Stop, or go on, reading from the charger."""

    def hang_up(self, code: int, reason: str) -> None:
        """Close the charger's socket."""


@dataclass(slots=True)
class Pending:
    """A CALL of the charger that the worker has, or that waits for its turn."""

    message_id: str
    text: str
    since: float
    published_at: float | None = None


class Relay:
    """Times are seconds of a monotonic clock. ``pending``: the CALL in work. ``types``: see `frames.types_of`.

    ``turns`` are those of all relays of the process.
    """

    __slots__ = (
        "_asked",
        "_ending",
        "_ends",
        "_has_turn",
        "_identity",
        "_is_full",
        "_is_paused",
        "_odd",
        "_odd_ids",
        "_odd_since",
        "_sends",
        "_sends_since",
        "_turns",
        "_types",
        "_waiting",
        "_waiting_characters",
        "pending",
    )

    def __init__(
        self, identity: str, ends: Ends, types: frozenset[int] = frames.OLD_TYPES, turns: Turns | None = None
    ) -> None:
        self.pending: Pending | None = None
        self._turns = turns or Turns()
        self._has_turn = False  # or waits for it
        self._types = types
        self._identity = identity
        self._ends = ends
        self._waiting: list[tuple[str | None, str]] = []  # id and text; without an id: a SEND
        self._waiting_characters = 0
        self._is_full = False  # too much waits
        self._is_paused = False  # the gateway wants nothing from anybody
        self._odd = 0
        self._odd_since = 0.0
        self._odd_ids: tuple[str, ...] = ()
        self._sends = 0  # in this second
        self._sends_since = 0.0
        self._asked: tuple[str, ...] = ()  # our commands that it has not answered
        self._ending: tuple[int, str] | None = None  # code and reason, once what is pending is answered

    def from_charger(self, text: str, now: float) -> None:
        kind, message_id = peek(text, self._types)
        if kind is Kind.CALL:
            self._take(message_id, text, now)
        elif kind is Kind.SEND:
            self._take(None, text, now)
        elif kind is Kind.ANSWER and message_id in self._asked:
            self._asked = tuple(asked for asked in self._asked if asked != message_id)
            crash.at("gateway.answer_arrived")
            self._ends.publish(text)
        elif kind is Kind.ANSWER:
            # To a command of an earlier connection, or to nothing; each costs a row, and nothing else would bound them.
            self._pass_odd(None, text, now)
        else:
            self._pass_odd(message_id, text, now)

    def from_csms(self, text: str, now: float) -> None:
        """Our commands pass; answers only to what is pending: a strict client ends itself at an unknown id."""
        try:
            is_answering, message_id = is_answer(text)
        except ValueError:
            log.warning("no frame on the way to a charger", charger=self._identity, start=text[:40])
            return
        if not is_answering:
            if message_id in self._asked:
                return  # the broker brought it twice, and a thing done twice may do harm
            self._asked = (*self._asked[1 - QUEUE :], message_id)
            self._ends.deliver(text)
        elif self.pending is not None and message_id == self.pending.message_id:
            metrics.REPLY_SECONDS.observe(now - self.pending.since)
            self._ends.deliver(text)
            self._settle(now)
        elif message_id == "-1" or message_id in self._odd_ids:
            self._odd_ids = tuple(odd for odd in self._odd_ids if odd != message_id)
            self._ends.deliver(text)
        # Else a second answer to a CALL that was published twice, or one for an earlier connection.

    def tick(self, now: float) -> None:
        """Publish what had to wait for this second, again what is not answered, and give up what nobody waits for."""
        self._advance(now)
        pending = self.pending
        if pending is None:
            return
        if now - pending.since >= GIVE_UP_S:
            metrics.UNANSWERED.inc()
            log.warning("no answer", charger=self._identity, id=pending.message_id, seconds=round(now - pending.since))
            self._settle(now)
        elif pending.published_at is not None and now - pending.published_at >= REPUBLISH_S:
            pending.published_at = now
            metrics.REPUBLISHED.inc()
            self._ends.publish(pending.text)
            self._give_turn_back(now)  # others need not wait for what may never be answered

    def go(self, now: float) -> None:
        """Its turn has come: publish what is pending, and the SENDs behind it."""
        assert self.pending is not None
        self.pending.published_at = now
        self._ends.publish(self.pending.text)
        self._advance(now)

    def end(self, now: float) -> None:
        """The connection is gone."""
        self._forget_waiting()
        self.pending = None
        self._give_turn_back(now)

    def hang_up(self, code: int, reason: str) -> None:
        """Close the socket when what is pending is answered: the order comes by another way and may overtake it."""
        if self.pending is None:
            self._ends.hang_up(code, reason)
        else:
            self._ending = code, reason

    def pause(self, is_paused: bool) -> None:
        """Stop reading from the charger, or go on, for a reason that is not the charger's."""
        self._stop_reading(is_full=self._is_full, is_paused=is_paused)

    def _take(self, message_id: str | None, text: str, now: float) -> None:
        if self.pending is not None and text == self.pending.text:
            return  # a charger that repeats itself; one processing, one answer
        if (message_id, text) in self._waiting:
            return
        self._waiting.append((message_id, text))
        self._waiting_characters += len(text)
        self._advance(now)
        if self._has_waiting(QUEUE, QUEUE_CHARACTERS) and not self._is_full:
            self._stop_reading(is_full=True, is_paused=self._is_paused)
        elif len(self._waiting) >= FLOOD:
            self._forget_waiting()
            self._ends.hang_up(1008, f"{FLOOD} requests sent without waiting for an answer")

    def _advance(self, now: float) -> None:
        while self._waiting and self._may_go(self._waiting[0][0], now):
            message_id, text = self._waiting.pop(0)
            self._waiting_characters -= len(text)
            if message_id is None:
                self._sends += 1
                self._ends.publish(text)
            else:
                self.pending = Pending(message_id, text, now)
                self._has_turn = True
                self._turns.take(self, now)
        if self._is_full and not self._has_waiting(QUEUE // 2 + 1, QUEUE_CHARACTERS // 2):
            self._stop_reading(is_full=False, is_paused=self._is_paused)

    def _has_waiting(self, frames: int, characters: int) -> bool:
        return len(self._waiting) >= frames or self._waiting_characters >= characters

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_characters = 0

    def _may_go(self, message_id: str | None, now: float) -> bool:
        """Whether what is next may. A SEND (no id) may while a CALL is in work that was published before it."""
        if message_id is not None:
            return self.pending is None
        if now - self._sends_since >= 1:
            self._sends, self._sends_since = 0, now
        return self._sends < SENDS_PER_S and (self.pending is None or self.pending.published_at is not None)

    def _settle(self, now: float) -> None:
        """What was pending is answered or given up; on to the next."""
        self.pending = None
        self._give_turn_back(now)
        if self._ending is not None:
            self._ends.hang_up(*self._ending)
        else:
            self._advance(now)

    def _give_turn_back(self, now: float) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turns.give_back(self, now)

    def _stop_reading(self, *, is_full: bool, is_paused: bool) -> None:
        """One reason is enough to stop reading from the charger; to go on takes both to be gone."""
        was_held = self._is_full or self._is_paused
        self._is_full, self._is_paused = is_full, is_paused
        if (is_full or is_paused) != was_held:
            self._ends.hold(not was_held)

    def _pass_odd(self, message_id: str | None, text: str, now: float) -> None:
        """The worker keeps it and complains in the charger's version. It holds nobody up: no answer may come."""
        if now - self._odd_since >= 60:
            self._odd, self._odd_since = 0, now
        self._odd += 1
        if self._odd > UNREADABLE_PER_MINUTE:
            self._ends.hang_up(1008, f"more than {UNREADABLE_PER_MINUTE} unreadable or unasked-for frames in a minute")
            return
        if message_id is not None:
            self._odd_ids = (*self._odd_ids[1 - QUEUE :], message_id)
        self._ends.publish(text)
