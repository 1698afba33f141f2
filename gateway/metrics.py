"""What a gateway process counts for Prometheus; a worker's figures are in `gateway.ingest.metrics`.

No charger's name is ever a label: a hundred thousand of them would be a hundred thousand series.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

disable_created_metrics()  # a second series for each counter, which nobody reads

CONNECTIONS = Gauge("chargeyard_connections", "Chargers with an open socket in this process.")
IS_OPEN = Gauge("chargeyard_gateway_open", "1 while chargers are let in and read from, 0 while no worker is heard.")
CALLS_WAITING = Gauge("chargeyard_calls_waiting", "CALLs that wait here until workers have answered earlier ones.")
FRAMES_UP = Counter("chargeyard_frames_up", "Frames of chargers that were published, repeats included.")
FRAMES_DOWN = Counter("chargeyard_frames_down", "Frames that were handed to chargers.")
REPUBLISHED = Counter("chargeyard_calls_republished", "CALLs published again because no answer came in 5 s.")
UNANSWERED = Counter("chargeyard_calls_unanswered", "CALLs given up after 30 s without an answer.")
REFUSED = Counter("chargeyard_handshakes_refused", "Handshakes that were refused, by HTTP status.", ["status"])
REPLY_SECONDS = Histogram(
    "chargeyard_reply_seconds", "From a charger's CALL to its answer, in the gateway.", buckets=SECONDS
)
