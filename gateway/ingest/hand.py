"""A process that does batches, one at a time: forked from the worker, fed through a pipe, replaced when it dies.

Why not Celery's own pool children: their event loop stands still while Redis is away and forgets what is in flight, and
a slow task would hold up chargers. See `docs/decisions`.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import structlog
from django.db import connections
from django.utils import timezone

from chargers import database
from chargers.connections import mark_gateway_lost
from chargers.workers import touch_worker
from gateway import sites, topics
from gateway.bus.publisher import Publication, cleared
from gateway.ingest import batch
from gateway.ingest.batch import Outcome
from gateway.ingest.inbound import Inbound
from gateway.ingest.lineage import die_with_parent
from gateway.ingest.lines import GatheredLines
from gateway.ingest.outage import DatabaseAway, is_outage
from gateway.iot import news

log = structlog.get_logger(__name__)

# No batch takes that long; a hand that does hangs.
PATIENCE_S = 90.0
CHECK_PARENT_S = 5.0
_fork = multiprocessing.get_context("fork")
_one_fork_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class DoBatch:
    inbound: Sequence[Inbound]


@dataclass(frozen=True, slots=True)
class BuryFrame:
    """A frame that has killed the hand that did it, more than once."""

    inbound: Inbound
    why: str


@dataclass(frozen=True, slots=True)
class MarkGatewayLost:
    gateway: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Commit something small, to know that the database takes it."""

    worker_id: str


@dataclass(frozen=True, slots=True)
class HearCloud:
    """AWS IoT told something on a topic of `gateway.iot.news`."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class HearSite:
    """Something at a site told of it, on a topic of `topics.site`."""

    topic: str
    payload: bytes
    is_retained: bool


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Another hand has given up its connection to the database: this one's may be as deaf."""


Job = DoBatch | BuryFrame | MarkGatewayLost | Probe | HearCloud | HearSite | Reconnect


class HandLost(RuntimeError):
    """The process died or hung; whether the job was done is not known. Every job is safe to repeat."""


class Hand:
    """Belongs to the thread that made it: the process dies with that thread."""

    def __init__(self) -> None:
        self.commit_s = 0.0  # of the last job
        with _one_fork_at_a_time:
            self._pipe, theirs = _fork.Pipe()
            self._process = _fork.Process(target=_work, args=(theirs, self._pipe, os.getpid()), daemon=True)
            self._process.start()
            theirs.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def do(self, job: Job) -> list[Publication]:
        """Do one job; what is to be published now that it has committed. Raises DatabaseAway or HandLost."""
        try:
            self._pipe.send(job)
            if not self._pipe.poll(PATIENCE_S):
                raise HandLost(f"Process {self.pid} did not finish within {PATIENCE_S:.0f} s.")
            answer = self._pipe.recv()
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise HandLost(f"Process {self.pid} died.") from error
        if isinstance(answer, DatabaseAway):
            raise answer
        if isinstance(answer, str):
            raise HandLost(answer)
        publications: list[Publication]
        publications, self.commit_s = answer
        return publications

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def dismiss(self) -> None:
        """End it after the job it has."""
        with suppress(OSError):
            self._pipe.send(None)
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()


def _work(pipe: Connection, parents_end: Connection, parent_pid: int) -> None:
    """The life of the process."""
    # Before anything else: whoever signals the group means the worker, who lets us finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(parent_pid)
    parents_end.close()
    database.prefer_indexes()
    database.lose_patience()
    sys.stderr = GatheredLines(2)  # Celery may have put something without a descriptor there
    while True:
        while not pipe.poll(CHECK_PARENT_S):
            if os.getppid() != parent_pid:  # where there is no death signal
                return
        job = pipe.recv()
        if job is None:
            return
        _do(job, pipe)


def _do(job: Job, pipe: Connection) -> None:
    answer: Any
    outcome = Outcome()
    try:
        outcome = _outcome(job)
        answer = outcome.publications, outcome.commit_s
    except Exception as error:
        connections.close_all()
        if is_outage(error):
            answer = DatabaseAway(str(error))
        else:
            log.exception("job_failed", job=type(job).__name__)
            answer = f"The job failed: {error!r}"
    pipe.send(answer)
    # After the answer: no charger waits for what browsers and tasks are told, nor for who reads the log.
    outcome.tell()
    sys.stderr.flush()


def _outcome(job: Job) -> Outcome:
    match job:
        case DoBatch(inbound):
            return batch.process(inbound)
        case BuryFrame(inbound, why):
            return batch.bury(inbound, RuntimeError(why))
        case MarkGatewayLost(gateway):
            mark_gateway_lost(gateway, timezone.now())
            # Its name is never used again; without this the broker would keep the obituaries of all its predecessors.
            return Outcome([cleared(topics.gateway_status(gateway))])
        case HearCloud(topic, payload):
            return Outcome(news.hear(topic, payload))
        case HearSite(topic, payload, is_retained):
            sites.hear(topic, payload, is_retained=is_retained, at=timezone.now())
        case Probe(worker_id):
            touch_worker(worker_id, timezone.now())
        case Reconnect():
            connections.close_all()
    return Outcome()
