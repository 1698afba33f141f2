"""A thread that takes work from the desk, has its hand do it, publishes what follows and acknowledges."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from gateway import crash
from gateway.ingest import metrics
from gateway.ingest.desk import Desk, Work
from gateway.ingest.hand import BuryFrame, DoBatch, Hand, HandLost, Reconnect
from gateway.ingest.outage import DatabaseAway
from gateway.ingest.source import Counter

log = structlog.get_logger(__name__)

RETRY_S = (0.1, 2.0)  # first and longest pause while the database is away


class Foreman(threading.Thread):
    """``on_commit`` is called after each job that was done."""

    def __init__(self, number: int, desk: Desk, subscriber: Counter, *, on_commit: Callable[[], None]) -> None:
        super().__init__(name=f"foreman-{number}", daemon=True)
        self._desk = desk
        self._subscriber = subscriber
        self._on_commit = on_commit
        self._outages = 0  # that its hand knows of

    def run(self) -> None:
        # Made here: a hand dies with the thread that made it.
        self._hand = Hand()
        while (work := self._desk.take()) is not None:
            try:
                self._do(work)
            except Exception:
                # Not acknowledged: the gateway publishes what is unanswered again.
                log.exception("work_failed", frames=len(work.frames))
            finally:
                self._desk.done(work)
        self._hand.dismiss()

    def _do(self, work: Work) -> None:
        pause_s, losses = RETRY_S[0], 0
        while True:
            began = time.monotonic()
            try:
                self._share_doubts()
                publications = self._hand.do(work.job)
            except DatabaseAway as error:
                metrics.DATABASE_AWAY.inc()
                self._outages = self._desk.tell_outage()
                if self._desk.is_closed:
                    break  # not acknowledged: it comes again
                log.warning("database_away", frames=len(work.frames), error=str(error)[:200], retry_in_s=pause_s)
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_S[1])
            except HandLost as error:
                metrics.HANDS_LOST.inc()
                losses += 1
                log.warning("hand_lost", frames=len(work.frames), error=str(error)[:200])
                self._hand.kill()
                self._hand = Hand()
                if losses > 1:
                    self._do_apart(work)
                    break
            else:
                if work.frames:
                    crash.at("worker.before_reply")
                self._subscriber.publish(publications)
                self._subscriber.acknowledge(work.frames)
                self._on_commit()
                self._count(work, time.monotonic() - began)
                break

    def _share_doubts(self) -> None:
        """What one hand learnt in `DATABASE_PATIENCE_S` no other need learn for as long."""
        if self._outages != (known := self._desk.outages):
            self._hand.do(Reconnect())
            self._outages = known

    def _count(self, work: Work, seconds: float) -> None:
        if isinstance(work.job, DoBatch):
            metrics.BATCH_FRAMES.observe(len(work.frames))
            metrics.BATCH_SECONDS.observe(seconds)
            metrics.COMMIT_SECONDS.observe(self._hand.commit_s)

    def _do_apart(self, work: Work) -> None:
        """Find the frame of a batch that kills whoever does it, and bury it; the others are done."""
        match work.job:
            case DoBatch([only]):
                why = "Twice the process that did this frame died or hung."
                self._do(Work(BuryFrame(only, why), work.frames))
            case DoBatch():
                for frame in work.frames:
                    self._do(Work.of([frame]))
            case job:
                log.error("job_given_up", job=type(job).__name__, frames=len(work.frames))
                self._subscriber.acknowledge(work.frames)  # or the broker brings it again for ever
