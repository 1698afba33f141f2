"""What a first design would do, to be measured beside ours: one Celery task for each frame. Nothing of it serves.

    plain gateway (its MQTT_PREFIX is "plain/") ─▶ bridge (`python -m portal.bench.plain`) ─▶ task by Redis ─▶ database
                                       ◀───────────────── reply, published by the task ◀──────────────────┘

The task does a frame exactly as our batches do, so all that differs is the way there and that each frame is a batch.
"""

from __future__ import annotations

import os
import signal
import time

import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

QUEUE = "plain"
PREFIX = "plain/"

app = Celery("chargeyard-plain")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_default_queue=QUEUE, worker_enable_remote_control=False, worker_send_task_events=False, task_acks_late=True
)


@app.task(name="portal.bench.plain.handle")
def handle(key: str, text: str, received_at: float) -> None:
    """Do one frame and publish what follows."""
    from gateway.bus import publisher
    from gateway.ingest.batch import process
    from gateway.ingest.inbound import Inbound

    sender = publisher.of_this_process()
    sender.require()
    outcome = process([Inbound(key, text.encode(), received_at)])
    sender.publish(outcome.publications)
    outcome.tell()


def bridge() -> None:
    """Turn each frame on the bus into a task, until SIGTERM."""
    from django.conf import settings

    from gateway.ingest.batcher import Frame
    from gateway.ingest.pulse import status
    from gateway.ingest.subscriber import Subscriber

    def hand_over(frame: Frame) -> None:
        handle.apply_async((frame.key, frame.payload.decode(), frame.received_at), queue=QUEUE)
        subscriber.acknowledge([frame])

    assert settings.MQTT_PREFIX == PREFIX
    subscriber = Subscriber(
        "plain-bridge", on_frame=hand_over, on_gateway_lost=lambda _: None, will=status("plain", "offline")
    )
    subscriber.start()
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    while not stopped:
        subscriber.publish([status("plain", "online")])
        time.sleep(1)
    subscriber.stop(farewell=status("plain", "offline"))


if __name__ == "__main__":
    django.setup()
    bridge()
