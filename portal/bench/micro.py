"""What a frame costs before the database is asked: checked by its schema, and the whole way through the dispatcher.

No yard, no database: recorded frames of all versions, one thread, its own processor time. The dispatcher runs with the
messages whose handlers keep to the books; a book's write is the database's business.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import median

from chargers import behaviour
from chargers.models import Charger
from gateway import frames, schemas
from gateway.call import Books
from gateway.dispatch import Dispatcher, Turn
from gateway.registry import DIALECTS
from gateway.testing import frames as recorded

VALIDATION_GOAL_US, DISPATCH_GOAL_US = 5.0, 100.0
ROUNDS, REPEATS = 7, 400
VERSIONS = {"ocpp1.6": ("ocpp16",), "ocpp2.0.1": ("ocpp201",), "ocpp2.1": ("ocpp201", "ocpp21")}


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    microseconds: float
    goal: float | None = None

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.microseconds <= self.goal


def cost_us(work: Callable[[], object]) -> float:
    """Processor time of one call: the median of some rounds of many."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time_ns()
        for _ in range(REPEATS):
            work()
        rounds.append((time.thread_time_ns() - began) / REPEATS / 1000)
    return median(rounds)


def validation() -> list[Figure]:
    """Each recorded frame against its schema: the median of each version, and the dearest."""
    return [figure for version, folders in VERSIONS.items() for figure in _validation(version, folders)]


def _validation(version: str, folders: tuple[str, ...]) -> list[Figure]:
    messages = schemas.load(DIALECTS[version].schemas)
    costs = {}
    for name in (name for folder in folders for name in recorded.names(folder)):
        action, payload = recorded.action(name), recorded.load(name)
        if not messages.read_request(action, payload, is_money=False)[1]:  # what has to be mended costs more
            costs[name] = cost_us(partial(messages.read_request, action, payload, is_money=False))
    dearest = max(costs, key=costs.__getitem__)
    middle = f"validate {version}, median of {len(costs)} recorded frames"
    return [
        Figure(middle, median(costs.values()), VALIDATION_GOAL_US),
        Figure(f"validate {version}, dearest: {dearest}", costs[dearest]),
    ]


def dispatching() -> list[Figure]:
    """From the text of a CALL to that of its answer, journal entry and all, without the database.

    Heartbeat is what dispatching costs; MeterValues is with the translation of its readings.
    """
    behaviour.assume([])
    try:
        return _dispatching()
    finally:
        behaviour.forget()


def _dispatching() -> list[Figure]:
    return [
        Figure(f"dispatch {version} {action}", cost_us(partial(_serve, version, text)), goal)
        for version in DIALECTS
        for action, goal in (("Heartbeat", DISPATCH_GOAL_US), ("MeterValues", None))
        for text in [json.dumps([2, "1", action, _payload(version, action)])]
    ]


def _serve(version: str, text: str) -> str | None:
    charger = Charger(pk=1, identity="CP-1", subprotocol=version, is_online=True, is_booted=True, epoch=1)
    at = datetime.now(UTC)
    frame = frames.parse(text, frames.types_of(version))
    return Dispatcher(Books(at), {}, {}).serve(Turn(charger, DIALECTS[version], text, frame, at)).text


def _payload(version: str, action: str) -> dict[str, object]:
    if action == "Heartbeat":
        return {}
    if version == "ocpp1.6":
        return recorded.load("ocpp16/meter_clock.json")
    return recorded.load("ocpp201/meter_clock.json")
