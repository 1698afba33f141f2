"""Figures for CloudWatch, as log lines in its embedded metric format: no agent, no call, no permission of ours.

One switch: `CLOUDWATCH_NAMESPACE`. The figures are those of Prometheus (`gateway.metrics`, `gateway.ingest.metrics`);
CloudWatch gets, once a minute and process, what has happened since the last time.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping

import orjson
from prometheus_client import REGISTRY

EVERY_S = 60.0
Figures = dict[str, tuple[float, str]]  # name → value and CloudWatch's word for its unit

# CloudWatch's name → ours, unit. Gauges as they are, counters by what was added.
GAUGES = {
    "Connections": ("chargeyard_connections", "Count"),
    "GatewayOpen": ("chargeyard_gateway_open", "Count"),
    "FramesWaiting": ("chargeyard_frames_waiting", "Count"),
}
COUNTERS = {
    "FramesUp": ("chargeyard_frames_up_total", "Count"),
    "CallsRepublished": ("chargeyard_calls_republished_total", "Count"),
    "CallsUnanswered": ("chargeyard_calls_unanswered_total", "Count"),
    "DatabaseAway": ("chargeyard_database_away_total", "Count"),
    "HandsLost": ("chargeyard_hands_lost_total", "Count"),
}
HISTOGRAMS = {"ReplySeconds": "chargeyard_reply_seconds", "BatchSeconds": "chargeyard_batch_seconds"}


def line(namespace: str, figures: Figures, *, part: str, at_ms: int) -> bytes:
    """One log line that CloudWatch reads as metrics of dimension ``Part``."""
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in figures.items()]
    described = {"Namespace": namespace, "Dimensions": [["Part"]], "Metrics": metrics}
    body = {"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [described]}, "Part": part}
    return orjson.dumps(body | {name: value for name, (value, _) in figures.items()})


class Meter:
    """What this process has counted since the last look."""

    def __init__(self) -> None:
        self._before = _samples()

    def read(self) -> Figures:
        before, self._before = self._before, _samples()
        now = self._before
        figures: Figures = {
            name: (now[sample], unit) for name, (sample, unit) in GAUGES.items() if now.get(sample) is not None
        }
        for name, (sample, unit) in COUNTERS.items():
            if sample in now:
                figures[name] = now[sample] - before.get(sample, 0.0), unit
        for name, histogram in HISTOGRAMS.items():
            p99_s = _quantile(0.99, histogram, before, now)
            if p99_s is not None:
                figures[f"{name}P99"] = p99_s, "Seconds"
        return figures


class Reporter(threading.Thread):
    """Writes the figures of this process each minute; ends with the process."""

    def __init__(self, namespace: str, part: str, *, write: Callable[[bytes], None] | None = None) -> None:
        super().__init__(name="cloudwatch", daemon=True)
        self._namespace, self._part = namespace, part
        self._write = write or to_log
        self._meter = Meter()

    def run(self) -> None:
        while True:
            time.sleep(EVERY_S)
            self.report()

    def report(self) -> None:
        if figures := self._meter.read():
            self._write(line(self._namespace, figures, part=self._part, at_ms=int(time.time() * 1000)))


def to_log(text: bytes) -> None:
    """A line of its own on standard output, past the logging, which would put words before it."""
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.flush()


def start(namespace: str, part: str) -> None:
    """Report from this process, if there is a ``namespace``."""
    if namespace:
        Reporter(namespace, part).start()


def _samples() -> dict[str, float]:
    """Every sample of ours; those of histograms with their bucket: ``name_bucket|0.5``."""
    found: dict[str, float] = {}
    for family in REGISTRY.collect():
        if family.name.startswith("chargeyard_"):
            for sample in family.samples:
                bound = f"|{sample.labels['le']}" if "le" in sample.labels else ""
                found[sample.name + bound] = found.get(sample.name + bound, 0.0) + sample.value
    return found


def _quantile(share: float, name: str, before: Mapping[str, float], now: Mapping[str, float]) -> float | None:
    """The bound of the bucket in which it lies; None if nothing happened, the largest finite bound at most."""
    start = f"{name}_bucket|"
    added = {float(key[len(start) :]): now[key] - before.get(key, 0.0) for key in now if key.startswith(start)}
    bounds = sorted(added)
    if not bounds or added[bounds[-1]] <= 0:
        return None
    wanted = share * added[bounds[-1]]
    found = next(bound for bound in bounds if added[bound] >= wanted)
    return found if found != float("inf") else bounds[-2]
