"""Ingest as a step of the Celery worker: it starts after the worker's pool and before its Redis connection.

So frames are served whether Redis is there or not.
"""

from __future__ import annotations

from typing import Any

import structlog
from celery import bootsteps
from django.conf import settings
from django.db import connection

from gateway import cloudwatch, schemas
from gateway.ingest import metrics
from gateway.ingest.batcher import Frame
from gateway.ingest.desk import Desk
from gateway.ingest.foreman import Foreman
from gateway.ingest.hand import HearCloud, HearSite, MarkGatewayLost, Probe
from gateway.ingest.pulse import Pulse, status
from gateway.ingest.queue import SqsSource
from gateway.ingest.source import Counter
from gateway.ingest.subscriber import Subscribers
from gateway.registry import DIALECTS

log = structlog.get_logger(__name__)

# A batch in flight at the stop is finished; a hand that hangs is not waited for.
STOP_S = 10.0


class Ingest(bootsteps.StartStopStep):
    requires = ("celery.worker.components:Pool",)
    label = "Ingest"

    def start(self, worker: Any) -> None:
        self._worker_id = worker.hostname  # "celery@host": stable, and different for each worker of a machine
        self._desk = Desk()
        by_queue = bool(settings.INGEST_QUEUE_URL)
        self._subscriber = Subscribers(
            f"chargeyard-worker-{self._worker_id}",
            settings.MQTT_WORKER_CONNECTIONS,
            on_frame=None if by_queue else self._desk.put,
            on_gateway_lost=lambda gateway: self._desk.send_on_errand(MarkGatewayLost(gateway)),
            on_site=lambda *told: self._desk.send_on_errand(HearSite(*told)),
            on_cloud=self._hear_cloud if settings.AWS_IOT_THINGS else None,
            will=status(self._worker_id, "offline"),
        )
        self._pulse = Pulse(
            self._worker_id,
            say=lambda sign: self._subscriber.publish([sign]),
            probe=lambda: self._desk.send_on_errand(Probe(self._worker_id)),
        )
        for dialect in DIALECTS.values():
            schemas.load(dialect.schemas)  # before the fork: the hands share them
        # SQLite has one writer: a second hand would only wait for the lock, and poll for it.
        hands = 1 if connection.vendor == "sqlite" else worker.concurrency
        self._queue = SqsSource(settings.INGEST_QUEUE_URL, on_frame=self._desk.put) if by_queue else None
        counter = Counter(self._subscriber, self._subscriber, *([self._queue] if self._queue else []))
        self._foremen = [
            Foreman(number, self._desk, counter, on_commit=self._pulse.committed) for number in range(hands)
        ]
        for thread in (*self._foremen, self._pulse):
            thread.start()
        self._subscriber.start()
        if self._queue is not None:
            self._queue.start()
        metrics.FRAMES_WAITING.set_function(self._desk.count)
        cloudwatch.start(settings.CLOUDWATCH_NAMESPACE, "worker")
        if settings.WORKER_METRICS:
            metrics.listen(settings.WORKER_METRICS)
        log.info("ingest_started", worker=self._worker_id, hands=hands)

    def _hear_cloud(self, topic: str, heard: Frame) -> None:
        self._desk.send_on_errand(HearCloud(topic, heard.payload), heard=heard)

    def stop(self, worker: Any) -> None:
        self._desk.close()
        self._pulse.stop()
        for foreman in self._foremen:
            foreman.join(STOP_S)
        if self._queue is not None:
            self._queue.stop()
        self._subscriber.stop(farewell=status(self._worker_id, "offline"))
        log.info("ingest_stopped", worker=self._worker_id)

    terminate = stop
