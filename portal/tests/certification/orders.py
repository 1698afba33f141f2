"""An operator orders by REST, the charger under test hears it, answers, and the operator sees what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import Wire, booted

Payload = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """One certification case in which we say something: the verb, what must be on the wire, the answer, the outcome."""

    case: str
    verb: str
    arguments: Payload
    action: str
    said: Payload  # must be in the payload; more may be
    answer: Payload
    status: str = "accepted"
    then: list[tuple[str, Payload]] = field(default_factory=list)  # what the charger sends afterwards

    def __str__(self) -> str:
        return self.case


async def give(stack: Stack, wire: Wire, verb: str, arguments: Payload) -> Payload:
    """Order something; the command as REST shows it."""
    answer = await asyncio.to_thread(
        stack.rest.post,
        f"/api/v1/chargers/{wire.identity}/commands/",
        json={"verb": verb, "arguments": arguments},
    )
    assert answer.status_code == 202, answer.text
    command: Payload = answer.json()
    return command


async def hear(wire: Wire, answer: Payload) -> tuple[str, Payload]:
    """The order on the wire, answered: its action and payload."""
    kind, message_id, action, payload = await wire.receive()
    assert kind == 2
    await wire.send([3, message_id, answer])
    return action, payload


async def carry_out(stack: Stack, subprotocol: str, order: Order) -> Payload:
    """Run a case with a new charger; the payload that was on the wire."""
    async with booted(stack, subprotocol) as wire:
        command = await give(stack, wire, order.verb, order.arguments)
        action, payload = await hear(wire, order.answer)
        settled = await asyncio.to_thread(stack.settled, command["id"])
        for notice, told in order.then:
            assert await wire.told(notice, told) == {}
    assert action == order.action
    assert payload.items() >= order.said.items(), payload
    assert (settled["status"], settled["answer"]) == (order.status, order.answer)
    return payload
