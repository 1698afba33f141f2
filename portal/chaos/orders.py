"""Somebody at the desk who goes on ordering things by REST while everything breaks, as a careful integrator does:
the same idempotency key until there is an answer."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from portal.chaos import station
from portal.chaos.history import History

HOST = "127.0.0.1"
PATIENCE_S = 5.0
PAUSE_S = 1.0  # after a door that gave no answer
TRIES = 60


class Desk(threading.Thread):
    """Orders ``per_s`` unlocks a second, each for a charger at random, at any of the ``ports``; until `leave`."""

    def __init__(
        self, ports: Sequence[int], key: str, *, chargers: int, per_s: float, seed: int, history: Path
    ) -> None:
        super().__init__(name="desk", daemon=True)
        self._ports, self._key = ports, key
        self._chargers, self._per_s = chargers, per_s
        self._random = Random(seed)  # noqa: S311
        self._history = History(history)
        self._is_leaving = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._is_leaving.wait(1 / self._per_s):
            number += 1
            self._order(f"chaos-{number}", station.identity(self._random.randrange(self._chargers)))
        self._history.close()

    def leave(self) -> None:
        """Place no more orders; what is being placed is seen through."""
        self._is_leaving.set()
        self.join()

    def open_orders(self) -> int | None:
        """How many orders have no end yet (a page of them at most); None if nobody answers."""
        for status in ("pending", "sent"):
            answer = self._ask("GET", f"/api/v1/commands/?status={status}")
            if answer is None or answer[0] != 200:
                return None
            if found := len(answer[1]["results"]):
                return found
        return 0

    def _order(self, key: str, charger: str) -> None:
        body = {"verb": "unlock", "arguments": {"evse_id": 1}}
        command: str | None = None
        for _ in range(TRIES):
            answer = self._ask("POST", f"/api/v1/chargers/{charger}/commands/", body, {"Idempotency-Key": key})
            if answer is not None and answer[0] == 202:
                command = answer[1]["id"]
                break
            if self._is_leaving.wait(PAUSE_S):
                break
        self._history.note(ordered=key, charger=charger, command=command)
        self._history.sync()

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any] | None:
        """Status and JSON of an answer; None if there was none that says anything."""
        connection = http.client.HTTPConnection(HOST, self._random.choice(self._ports), timeout=PATIENCE_S)
        told = {"Authorization": f"Api-Key {self._key}", "Content-Type": "application/json"} | (headers or {})
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, told)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
