"""The worker's sign of life on the bus: at least every second, and only while the database takes commits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from gateway import topics
from gateway.bus.publisher import Publication

INTERVAL_S = 1.0
PROBE_LOST_S = 60.0
# A busy worker proves itself by its batches; its row, for people, is written all the same.
ROW_S = 10.0


def status(worker_id: str, word: str) -> Publication:
    """``word``: "online" or "offline"."""
    body = {"worker": worker_id, "status": word, "at": datetime.now(UTC)}
    return Publication(topics.worker_status(worker_id), orjson.dumps(body, option=orjson.OPT_UTC_Z))


class Pulse(threading.Thread):
    """Says `online` after each commit, at most once a second; asks for a probe when there was none to say it after."""

    def __init__(self, worker_id: str, *, say: Callable[[Publication], None], probe: Callable[[], None]) -> None:
        super().__init__(name="pulse", daemon=True)
        self._worker_id = worker_id
        self._say = say
        self._probe = probe
        self._said_at = 0.0
        self._probed_at: float | None = None
        self._asked_at = 0.0
        self._stopped = threading.Event()

    def committed(self) -> None:
        """Something was committed just now; from any thread."""
        self._probed_at = None
        if time.monotonic() - self._said_at >= 0.9 * INTERVAL_S:
            self._said_at = time.monotonic()
            self._say(status(self._worker_id, "online"))

    def run(self) -> None:
        while not self._stopped.wait(INTERVAL_S):
            now = time.monotonic()
            if now - self._said_at < 0.9 * INTERVAL_S and now - self._asked_at < ROW_S:
                continue
            # One probe at a time, for they queue up while the database is away; again if it got lost with its hand.
            if self._probed_at is None or now - self._probed_at > PROBE_LOST_S:
                self._probed_at = self._asked_at = now
                self._probe()

    def stop(self) -> None:
        self._stopped.set()
