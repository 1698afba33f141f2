"""Cases that are one order, its answer and what the charger reports of it afterwards: a row each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from portal.certify import registry
from portal.certify.station import Station
from portal.certify.wire import Payload, now

ASKED = object()  # in what the charger reports: the requestId that the order carried
NOW = object()  # in what the charger reports: the time


@dataclass(frozen=True, slots=True)
class Order:
    verb: str
    arguments: Payload
    action: str
    wanted: Payload  # must be in the payload
    answer: Payload
    outcome: str = "accepted"  # what the operator sees
    then: tuple[tuple[str, Payload], ...] = ()


def prove(case: str, *orders: Order) -> None:
    """Register a case that consists of orders, one after the other."""
    registry.add(case, partial(_carry_out, orders))


async def _carry_out(orders: tuple[Order, ...], station: Station) -> None:
    for order in orders:
        heard = await station.ordered(
            order.verb, order.arguments, order.action, order.wanted, order.answer, order.outcome
        )
        for action, payload in order.then:
            await station.says(action, filled(payload, heard))


def filled(value: Any, heard: Payload) -> Any:
    """A payload with `ASKED` and `NOW` filled in."""
    if value is ASKED:
        return heard["requestId"]
    if value is NOW:
        return now()
    if isinstance(value, dict):
        return {name: filled(item, heard) for name, item in value.items()}
    return [filled(item, heard) for item in value] if isinstance(value, list) else value
