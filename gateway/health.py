"""What this process knows of its surroundings: the broker's link, and workers that say they live. For `/readyz`.

Also whether it lets chargers in, which follows from that.
"""

from __future__ import annotations

import time

from gateway.bus import Bus
from gateway.offline import Guard, Phase

# A worker speaks every second, after a committed probe.
SILENT_AFTER_S = 5.0

_buses: list[Bus] = []
_guards: list[Guard] = []
_heard_at: dict[str, float] = {}


def is_linked() -> bool:
    """Whether this process has its link to the MQTT broker."""
    return any(bus.is_linked for bus in _buses)


def has_worker() -> bool:
    """Whether a worker has said within 5 s that it lives and its database takes commits."""
    return any(time.monotonic() - heard_at < SILENT_AFTER_S for heard_at in list(_heard_at.values()))


def sends_chargers_away() -> bool:
    """Whether this process answers handshakes with 503 because no worker could store what chargers say."""
    return any(guard.phase is Phase.CLOSED for guard in _guards)


def watch(bus: Bus, guard: Guard | None) -> None:
    """``guard``: of the chargers' lines, None in a process that takes no chargers."""
    _buses[:] = [bus]
    _guards[:] = [guard] if guard is not None else []


def worker_spoke(topic: str, payload: bytes) -> None:
    """Note a sign of life on `topics.worker_status`; a worker that says ``"status": "offline"`` takes its leave."""
    if b'"offline"' in payload:
        _heard_at.pop(topic, None)
    else:
        _heard_at[topic] = time.monotonic()
