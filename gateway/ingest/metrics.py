"""What a worker process counts for Prometheus, in the process that feeds the hands, and where it serves that."""

from __future__ import annotations

import structlog
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

log = structlog.get_logger(__name__)

# Not the gateway's: to import these would serve its figures as well, all of them 0.
SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

disable_created_metrics()

FRAMES_WAITING = Gauge("chargeyard_frames_waiting", "Frames that wait for a free hand of this worker.")
BATCH_FRAMES = Histogram("chargeyard_batch_frames", "Frames per batch.", buckets=(1, 2, 5, 10, 20, 50, 100, 200))
BATCH_SECONDS = Histogram("chargeyard_batch_seconds", "From taking a batch to its commit.", buckets=SECONDS)
COMMIT_SECONDS = Histogram("chargeyard_commit_seconds", "The COMMIT of a batch.", buckets=SECONDS)
DATABASE_AWAY = Counter("chargeyard_database_away", "Attempts at a batch that failed because the database was away.")
HANDS_LOST = Counter("chargeyard_hands_lost", "Processes of this worker that died or hung with a batch.")


def listen(address: str) -> None:
    """Serve this process's figures on ``host:port``, in a thread. Raises ValueError naming what is wrong."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"WORKER_METRICS is {address!r}; it reads host:port, such as 127.0.0.1:9464.")
    try:
        start_http_server(int(port), addr=host)
    except OSError as error:  # another worker of this machine has it; frames matter more
        log.warning("metrics_not_served", address=address, error=str(error))
