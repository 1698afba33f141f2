"""A charger's side of the table, for tests of handlers: what it says goes through schema, handler and books."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from chargers import commands, configuration
from chargers.models import Charger, Command
from gateway import events, frames, schemas
from gateway.call import Aside, Books, Call
from gateway.registry import DIALECTS
from gateway.tests import contract
from sessions.book import Later

Payload = dict[str, Any]


class Talk:
    """One charger talking. ``findings`` and ``events`` are those of its last call."""

    def __init__(self, charger: Charger) -> None:
        self.charger = charger
        self.dialect = DIALECTS[charger.subprotocol]
        self.messages = schemas.load(self.dialect.schemas)
        self.at: datetime = timezone.now().replace(microsecond=0)
        self.findings: list[str] = []
        self.events: list[tuple[str, Payload]] = []

    def later(self, **delta: float) -> str:
        """Let time pass; the new time as a charger writes it."""
        self.at += timedelta(**delta)
        return self.clock()

    def clock(self, **delta: float) -> str:
        return (self.at + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def call(self, action: str, /, **payload: Any) -> Payload:
        """Say something and get the answer, which must be valid to the letter. Raises OcppError if it was refused."""
        is_money = action in self.dialect.money
        with transaction.atomic():
            books = Books(self.at)
            read, tolerated = self.messages.read_request(action, payload, is_money=is_money)
            self.charger.refresh_from_db()
            heard = Call(self.charger, "1", action, read, self.at, books, tolerated)
            given = self.dialect.handlers[action](heard)
            books.boots.write()
            books.sessions.work()
            answer = given.answer if isinstance(given, Later) else given
            books.write()
        if isinstance(answer, Aside):
            found = self.dialect.askers[action](self.charger, answer.question, self.at)
            answer = found() if callable(found) else found
        assert self.messages.is_valid_answer(action, answer), answer
        self.findings = heard.findings
        self.events = [(event.topic, event.body) for event in books.events]
        for event in books.events:
            contract.check(event.topic, json.loads(events.publication(event, at=self.at).payload))
        return answer

    def sends(self, action: str, **payload: Any) -> None:
        """Say something that nobody answers (a SEND of 2.1). Raises OcppError if it cannot be taken in."""
        with transaction.atomic():
            books = Books(self.at)
            read, tolerated = self.messages.read_request(action, payload, is_money=False)
            heard = Call(self.charger, "1", action, read, self.at, books, tolerated)
            self.dialect.listeners[action](heard)
            books.write()
        self.findings = heard.findings

    def told(self, verb: str, **arguments: Any) -> tuple[str, Payload]:
        """How a verb reaches it; must be valid to the letter. Raises Unspeakable."""
        return self._worded(commands.request(self.charger, verb, arguments=arguments))

    def answers(self, verb: str, answer: Payload, **arguments: Any) -> Command:
        """Have it told something, and let it answer."""
        return self._answered(commands.request(self.charger, verb, arguments=arguments), answer)

    def answers_raw(self, action: str, payload: Payload, answer: Payload) -> Command:
        return self._answered(commands.request(self.charger, action=action, payload=payload), answer)

    def _worded(self, command: Command) -> tuple[str, Payload]:
        action, payload = self.dialect.word(command)
        assert self.messages.objections(action, payload) == []
        configuration.told(self.charger, frames.call(str(command.pk), action, payload), order=command.pk)
        commands.record_wording(command, action=action, payload=payload)
        return action, payload

    def _answered(self, command: Command, answer: Payload) -> Command:
        action, _ = self._worded(command)
        with transaction.atomic():
            books = Books(self.at)
            self.charger.refresh_from_db()
            read, _ = self.messages.read_answer(action, self.dialect.answer_as_meant(action, answer))
            heard = Call(self.charger, str(command.pk), action, read, self.at, books)
            if action in self.dialect.readings:
                self.dialect.readings[action](command, read, heard)
            books.write()
        return command
