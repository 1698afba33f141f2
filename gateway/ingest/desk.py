"""Where frames from the bus wait for a free hand, thread-safe: the MQTT thread puts, the foremen take."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from gateway.ingest.batcher import Batcher, Frame
from gateway.ingest.hand import DoBatch, Job
from gateway.ingest.inbound import Inbound


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
        self._guard = threading.Lock()
        # Who waits, the one that came last at the end: he is called first. His process has what it needs in the
        # caches; another hand, and its session of the database, would come to each batch cold.
        self._idle: list[threading.Condition] = []
        self._is_closed = False
        self.outages = 0  # that somebody met with; a number that grew tells the others

    def put(self, frame: Frame) -> None:
        """A frame to be done. After `close` it is left alone: not acknowledged, it comes again."""
        with self._guard:
            if self._is_closed:
                return
            now = time.monotonic()
            had_work = self._batcher.wait_s(now) is not None
            self._batcher.add(frame, now)
            # Somebody waits for the first frame's batch to fall due; waking him for each one that joins is for nothing.
            if not had_work or self._batcher.wait_s(now) == 0:
                self._call_one()

    def send_on_errand(self, job: Job, *, heard: Frame | None = None) -> None:
        """Something small that goes before the frames; ``heard``: the message to acknowledge when it is done."""
        with self._guard:
            self._errands.append(Work(job, [heard] if heard else []))
            self._call_one()

    def take(self) -> Work | None:
        """Wait for work; None when there will be no more. Who has done his work comes back, or ends for good."""
        called = threading.Condition(self._guard)
        with self._guard:
            while not self._is_closed:
                now = time.monotonic()
                work = self._next(now)
                if work is not None:
                    if self._errands or self._batcher.wait_s(now) is not None:
                        self._call_one()  # somebody else has to look after what is left
                    return work
                self._idle.append(called)
                called.wait(self._batcher.wait_s(now))
                if called in self._idle:  # the time was over
                    self._idle.remove(called)
        return None

    def count(self) -> int:
        """Frames that wait."""
        with self._guard:
            return self._batcher.waiting

    def done(self, work: Work) -> None:
        """Before `take` asks for the next: nobody has to be called for what can be done now."""
        with self._guard:
            self._batcher.done(work.frames, time.monotonic())

    def tell_outage(self) -> int:
        """One more; how many they are now."""
        with self._guard:
            self.outages += 1
            return self.outages

    def close(self) -> None:
        """Give out no more work. What waits stays with the broker, which has no acknowledgement for it."""
        with self._guard:
            self._is_closed = True
            while self._idle:
                self._call_one()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def _next(self, now: float) -> Work | None:
        if self._errands:
            return self._errands.popleft()
        frames = self._batcher.take(now)
        return Work.of(frames) if frames else None

    def _call_one(self) -> None:
        if self._idle:
            self._idle.pop().notify()
