"""Events that concern security: told by a charger, or noticed by us."""

from __future__ import annotations

from datetime import datetime

from chargers import clocks
from chargers.models import Charger, SecurityEvent
from chargers.rows import digest


def record_event(
    charger: Charger, kind: str, *, detail: str = "", device_time: str = "", is_ours: bool = False, at: datetime
) -> bool:
    """Store a security event once; False if we have it. The charger's time tells it from the next of its kind."""
    _, is_new = SecurityEvent.objects.get_or_create(
        charger=charger,
        key=digest("security", kind, device_time or at.isoformat(), detail),
        defaults={
            "kind": kind[:64],
            "detail": detail,
            "device_time": clocks.kept(device_time),
            "is_ours": is_ours,
            "received_at": at,
        },
    )
    return is_new
