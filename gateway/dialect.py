"""What one OCPP version says and understands: visible tables, filled by the modules beside it.

- ``handles(action)``: a CALL of the charger → the payload of our answer, or the promise of one; a translation table
  onto domain verbs
- ``asks(action)``: what such a handler left to be asked outside → the payload of our answer; runs by itself, in no
  transaction, and has an answer whatever becomes of the question. Where the answer promises something, a function is
  returned that sees to it and gives the payload: it is called in the transaction that keeps the answer
- ``hears(action)``: a SEND of the charger, which is never answered (2.1)
- ``sends(verb)``: one of our verbs → (action, payload) in this version's words
- ``answers(action)``: what the charger's answer to our CALL means for the domain
- ``means(action)``: a raw order of staff in the arguments of the verb that would have said it

A version may start from an older one (2.1 from 2.0.1) and then holds only what differs. What the older one learns
later, by whichever module and in whatever order of imports, the newer one knows at once.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Any, TypeVar

from chargers.models import Charger, Command, CommandStatus
from gateway.call import Aside, Call
from sessions.book import Later

Payload = dict[str, Any]
Answer = Payload | Later[Payload] | Aside
Handler = Callable[[Call], Answer]
Asker = Callable[[Charger, Payload, datetime], Payload | Callable[[], Payload]]
Listener = Callable[[Call], None]
Wording = Callable[[Command], tuple[str, Payload]]
Reading = Callable[[Command, Payload, Call], None]
Meaning = Callable[[Payload], dict[str, Any]]
F = TypeVar("F", bound=Callable[..., Any])
V = TypeVar("V")


class Unspeakable(ValueError):
    """A verb, or its arguments, that this OCPP version has no words for; the text is for the operator."""


class Dialect:
    def __init__(self, subprotocol: str, *, schemas: str, based_on: Dialect | None = None) -> None:
        self.subprotocol = subprotocol
        self.schemas = schemas  # folder of the `ocpp` package: "v16", "v201", "v21"
        self.based_on = based_on
        self.handlers: MutableMapping[str, Handler] = _over(based_on.handlers if based_on else None)
        self.askers: MutableMapping[str, Asker] = _over(based_on.askers if based_on else None)
        self.listeners: MutableMapping[str, Listener] = _over(based_on.listeners if based_on else None)
        self.wordings: MutableMapping[str, Wording] = _over(based_on.wordings if based_on else None)
        self.readings: MutableMapping[str, Reading] = _over(based_on.readings if based_on else None)
        self.meanings: MutableMapping[str, Meaning] = _over(based_on.meanings if based_on else None)
        # Fields that some chargers answer with in place of the right ones: action → theirs → ours.
        self.misspelt: MutableMapping[str, dict[str, str]] = _over(based_on.misspelt if based_on else None)
        # Actions that carry money: never answered with a CALLERROR when charger and session can be told. The value is
        # what we answer if even that fails; None where there is no such confirmation (a start needs a number).
        self.money: MutableMapping[str, Payload | None] = _over(based_on.money if based_on else None)

    def handles(self, action: str, *, is_money: bool = False, if_all_fails: Payload | None = None) -> Callable[[F], F]:
        """Register the handler of a CALL; ``if_all_fails`` is the confirmation given when money is at stake."""
        if is_money or if_all_fails is not None:
            self.money[action] = if_all_fails
        return self._into(self.handlers, action)

    def asks(self, action: str) -> Callable[[F], F]:
        return self._into(self.askers, action)

    def hears(self, action: str) -> Callable[[F], F]:
        return self._into(self.listeners, action)

    def sends(self, verb: str) -> Callable[[F], F]:
        return self._into(self.wordings, verb)

    def answers(self, action: str) -> Callable[[F], F]:
        return self._into(self.readings, action)

    def means(self, action: str) -> Callable[[F], F]:
        return self._into(self.meanings, action)

    def word(self, command: Command) -> tuple[str, Payload]:
        """Action and payload of a command. Raises Unspeakable."""
        if not command.verb:
            return command.action, command.payload
        try:
            wording = self.wordings[command.verb]
        except KeyError:
            raise Unspeakable(
                f"OCPP {self.subprotocol.removeprefix('ocpp')} has no message for {command.verb!r}."
            ) from None
        return wording(command)

    def meaning(self, action: str, payload: Payload) -> dict[str, Any]:
        """The arguments of a raw order as a verb would have them; empty where nobody needs to know."""
        meaning = self.meanings.get(action)
        return meaning(payload) if meaning else {}

    def answer_as_meant(self, action: str, payload: Any) -> Any:
        """A charger's answer with known misspellings of its fields put right; ``payload`` itself stays as it is."""
        ours = self.misspelt.get(action)
        if ours is None or not isinstance(payload, dict):
            return payload
        return {ours.get(name, name): value for name, value in payload.items()}

    @staticmethod
    def _into(table: MutableMapping[str, Any], key: str) -> Callable[[F], F]:
        def register(function: F) -> F:
            table[key] = function
            return function

        return register


def _over(older: MutableMapping[str, V] | None) -> MutableMapping[str, V]:
    """A table of its own on top of an older version's, which is looked up, never copied or written."""
    return {} if older is None else ChainMap({}, older)


def verdict(answer: Payload) -> CommandStatus:
    """Whether a charger did what it was told, from the ``status`` that most answers carry; without one it did.

    Where each part of an order has a status of its own, it did it if it did any of them.
    """
    for results, member in PARTS.items():
        parts = [part.get(member) for part in answer.get(results) or [] if isinstance(part, dict)]
        if parts and not ACCEPTING.intersection(parts):
            return CommandStatus.REJECTED
    status = answer.get("status", "Accepted")
    return CommandStatus.ACCEPTED if status in ACCEPTING else CommandStatus.REJECTED


# The words of all versions for "yes" or "yes, later".
ACCEPTING = frozenset(
    {
        "Accepted",
        "AcceptedCanceled",
        "Scheduled",
        "Unlocked",
        "RebootRequired",
        "AcceptedWithRebootRequired",
        "PartiallyAccepted",
        "Unpublished",
    }
)
# Lists of results, and what of each result is its status.
PARTS = {
    "setVariableResult": "attributeStatus",
    "setMonitoringResult": "status",
    "clearMonitoringResult": "status",
}
