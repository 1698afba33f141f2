"""Which frames go together, and when. Pure: no clock, thread or MQTT; times are seconds of any steady clock.

- A batch is due when its oldest frame has waited ``max_wait_s``, or when ``max_frames`` chargers have one.
- While another is in flight it waits up to ``busy_wait_s`` longer: much of what a batch costs, it costs however few
  frames it holds.
- A charger has at most one CALL in a batch, and its frames wait while a batch with one of them is in flight: so the
  handlers of a batch do not depend on each other, and each charger's frames are done in the order they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

# Short: a gateway has collected already (`gateway.bus.mqtt`); this lets the frames of several come together.
MAX_WAIT_S = 0.002


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it came from the bus; ``packet`` and ``link`` tell which MQTT message to acknowledge."""

    key: str
    payload: bytes
    received_at: float  # seconds since the epoch
    packet: int = 0
    link: int = 0


class Batcher:
    def __init__(self, *, max_frames: int = 200, max_wait_s: float = MAX_WAIT_S, busy_wait_s: float = 0.020) -> None:
        self._max_frames = max_frames
        self._max_wait_s = max_wait_s
        self._busy_wait_s = busy_wait_s
        self._waiting: dict[str, deque[Frame]] = {}
        self._ready: dict[str, None] = {}  # keys with frames and no batch in flight, in order of arrival
        self._in_flight: set[str] = set()
        self._due_at = 0.0  # of what is ready

    def add(self, frame: Frame, now: float) -> None:
        self._waiting.setdefault(frame.key, deque()).append(frame)
        if frame.key not in self._in_flight:
            self._make_ready(frame.key, now + self._max_wait_s)

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self, now: float) -> list[Frame]:
        """The next batch, empty if none is due; its chargers are busy until `done`."""
        wait_s = self.wait_s(now)
        if wait_s is None or wait_s > 0:
            return []
        batch: list[Frame] = []
        while self._ready and len(batch) < self._max_frames:
            key = next(iter(self._ready))
            del self._ready[key]
            self._in_flight.add(key)
            self._take_from(key, batch)
        self._due_at = now - self._busy_wait_s  # what a full batch left over waits no longer
        return batch

    def wait_s(self, now: float) -> float | None:
        """Seconds until a batch is due; 0 if one is, None if nothing waits that could be taken."""
        if not self._ready:
            return None
        if len(self._ready) >= self._max_frames:
            return 0.0
        longer_s = self._busy_wait_s if self._in_flight else 0.0
        return max(0.0, self._due_at + longer_s - now)

    def done(self, batch: Iterable[Frame], now: float) -> None:
        """A batch has ended: what came for its chargers meanwhile is due at once."""
        for key in {frame.key for frame in batch}:
            self._in_flight.discard(key)
            if key in self._waiting:
                self._make_ready(key, now)

    def _make_ready(self, key: str, due_at: float) -> None:
        self._due_at = min(self._due_at, due_at) if self._ready else due_at
        self._ready[key] = None

    def _take_from(self, key: str, batch: list[Frame]) -> None:
        """Move a charger's frames into the batch, up to and with its first CALL, and the answers that follow it."""
        frames = self._waiting[key]
        has_call = False
        while frames and len(batch) < self._max_frames:
            if not _is_answer(frames[0]):
                if has_call:
                    break
                has_call = True
            batch.append(frames.popleft())
        if not frames:
            del self._waiting[key]


def _is_answer(frame: Frame) -> bool:
    """Whether it looks like an answer to one of our commands. Anything doubtful counts as a CALL."""
    start = frame.payload[:16].replace(b" ", b"")
    return start.startswith((b"[3,", b"[4,"))
