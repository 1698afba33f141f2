"""Where frames from the bus wait for a free hand, thread-safe: the MQTT thread puts, the foremen take."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from gateway.ingest.batch import Inbound
from gateway.ingest.batcher import Batcher, Frame
from gateway.ingest.hand import DoBatch, Job


@dataclass(frozen=True, slots=True)
class Work:
    """A job, and the frames to acknowledge when it is done."""

    job: Job
    frames: list[Frame] = field(default_factory=list)

    @classmethod
    def of(cls, frames: list[Frame]) -> Work:
        return cls(DoBatch([Inbound(frame.key, frame.payload, frame.received_at) for frame in frames]), frames)


class Desk:
    def __init__(self) -> None:
        self._batcher = Batcher()
        self._errands: deque[Work] = deque()
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, frame: Frame) -> None:
        """A frame to be done. After `close` it is left alone: not acknowledged, it comes again."""
        with self._changed:
            if self._is_closed:
                return
            now = time.monotonic()
            had_work = self._batcher.wait_s(now) is not None
            self._batcher.add(frame, now)
            # Somebody waits for the first frame's batch to fall due; waking him for each one that joins is for nothing.
            if not had_work or self._batcher.wait_s(now) == 0:
                self._changed.notify()

    def send_on_errand(self, job: Job, *, heard: Frame | None = None) -> None:
        """Something small that goes before the frames; ``heard``: the message to acknowledge when it is done."""
        with self._changed:
            self._errands.append(Work(job, [heard] if heard else []))
            self._changed.notify()

    def take(self) -> Work | None:
        """Wait for work; None when there will be no more."""
        with self._changed:
            while not self._is_closed:
                if self._errands:
                    return self._errands.popleft()
                now = time.monotonic()
                frames = self._batcher.take(now)
                if frames:
                    if self._batcher.wait_s(now) is not None:
                        self._changed.notify()  # somebody else has to look after what is left
                    return Work.of(frames)
                self._changed.wait(self._batcher.wait_s(now))
        return None

    def count(self) -> int:
        """Frames that wait."""
        with self._changed:
            return self._batcher.waiting

    def done(self, work: Work) -> None:
        with self._changed:
            self._batcher.done(work.frames, time.monotonic())
            self._changed.notify()

    def close(self) -> None:
        """Give out no more work. What waits stays with the broker, which has no acknowledgement for it."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        return self._is_closed
