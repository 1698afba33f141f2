"""What the chargers of a batch tell of their sessions: asked for one by one, looked up and written all together.

A handler puts in what it was told and how to go on once that is done; `SessionBook.work` does all of it. Knows no OCPP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from chargers.models import Charger
from sessions.events import Message
from sessions.following import Followed, Told, follow_all
from sessions.starting import Start, Started, start_all
from sessions.stopping import Stop, Stopped, stop_all

Answer = TypeVar("Answer")


class Later(Generic[Answer]):
    """What a handler will answer: known when the batch's sessions are done."""

    __slots__ = ("answer",)
    answer: Answer


@dataclass(slots=True, frozen=True)
class _Entry:
    message: Message[Any]
    then: Callable[[Any], Any]
    later: Later[Any]


@dataclass(slots=True)
class SessionBook:
    _starts: list[_Entry] = field(default_factory=list)
    _stops: list[_Entry] = field(default_factory=list)
    _events: list[_Entry] = field(default_factory=list)

    def start(self, charger: Charger, told: Start, *, at: datetime, then: Callable[[Started], Answer]) -> Later[Answer]:
        return _put(self._starts, Message(charger, told, at), then)

    def stop(self, charger: Charger, told: Stop, *, at: datetime, then: Callable[[Stopped], Answer]) -> Later[Answer]:
        return _put(self._stops, Message(charger, told, at), then)

    def follow(
        self, charger: Charger, told: Told, *, at: datetime, then: Callable[[Followed], Answer]
    ) -> Later[Answer]:
        return _put(self._events, Message(charger, told, at), then)

    def work(self) -> None:
        """Do all that was put in, inside the batch's transaction; every `Later` has its answer then."""
        _work(self._starts, start_all)
        _work(self._stops, stop_all)
        _work(self._events, follow_all)


def _put(entries: list[_Entry], message: Message[Any], then: Callable[[Any], Answer]) -> Later[Answer]:
    later: Later[Answer] = Later()
    entries.append(_Entry(message, then, later))
    return later


def _work(entries: list[_Entry], do: Callable[[Sequence[Message[Any]]], Sequence[Any]]) -> None:
    while entries:
        turn = _first_of_each_charger(entries)
        for entry, done in zip(turn, do([entry.message for entry in turn]), strict=True):
            entry.later.answer = entry.then(done)


def _first_of_each_charger(entries: list[_Entry]) -> list[_Entry]:
    """Take them out: one charger's messages are done one after the other."""
    first: dict[int, _Entry] = {}
    for entry in entries:
        first.setdefault(entry.message.charger.pk, entry)
    turn = list(first.values())
    entries[:] = [entry for entry in entries if first[entry.message.charger.pk] is not entry]
    return turn
