"""How many frames stand in line while a block runs, read once a second from what gateways and worker tell Prometheus.

What gateways published and no batch has finished is either with the worker, waiting for a hand, or on its way: with
the broker or in a hand.
"""

from __future__ import annotations

import contextlib
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

EVERY_S = 1.0
PUBLISHED, FINISHED, WAITING = "chargeyard_frames_up_total", "chargeyard_batch_frames_sum", "chargeyard_frames_waiting"


@contextlib.contextmanager
def watched(gateways: Sequence[str], worker: str) -> Iterator[dict[str, Any]]:
    """``gateways`` and ``worker``: URLs of their figures. Filled in at the end: deepest and mean."""
    seen: dict[str, Any] = {}
    looks: list[tuple[float, float]] = []
    is_over = threading.Event()
    before = _figures(gateways, worker)

    def look() -> None:
        while not is_over.wait(EVERY_S):
            with contextlib.suppress(OSError):  # one of them has just been killed
                now = _figures(gateways, worker)
                under_way = (now[PUBLISHED] - before[PUBLISHED]) - (now[FINISHED] - before[FINISHED]) - now[WAITING]
                looks.append((now[WAITING], max(0.0, under_way)))

    thread = threading.Thread(target=look, name="depth", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()
        for name, line in zip(("worker", "broker_or_hand"), zip(*looks, strict=True), strict=False):
            seen[name] = {"max": round(max(line)), "mean": round(sum(line) / len(line), 1)}


def _figures(gateways: Sequence[str], worker: str) -> dict[str, float]:
    total = dict.fromkeys((PUBLISHED, FINISHED, WAITING), 0.0)
    for url in (*gateways, worker):
        with urllib.request.urlopen(url, timeout=EVERY_S) as answer:  # noqa: S310 - our own
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in total:
                    total[sample.name] += sample.value
    return total
