"""The eyes of firmware campaigns (`chargers.campaigns`): who charges now, and who has charged well since it updated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sessions.models import ChargingSession


def busy(charger_ids: Collection[int]) -> set[int]:
    running = ChargingSession.objects.filter(charger__in=charger_ids, stopped_at=None, is_superseded=False)
    return set(running.values_list("charger", flat=True))


def charged(since: Mapping[int, datetime]) -> dict[int, datetime]:
    """A session counts that began after the update, has ended, and drew energy."""
    if not since:
        return {}
    ended = ChargingSession.objects.filter(
        charger__in=since,
        started_received_at__gte=min(since.values()),
        stopped_received_at__isnull=False,
        energy_wh__gt=0,
    ).order_by("-stopped_received_at")
    rows = ended.values_list("charger", "started_received_at", "stopped_received_at")
    return {charger: ended_at for charger, began_at, ended_at in rows if ended_at and began_at >= since[charger]}
