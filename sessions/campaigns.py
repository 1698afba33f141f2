"""The eyes of firmware campaigns (`chargers.campaigns`): who charges now, and who has charged well since it updated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import QuerySet

from sessions.models import ChargingSession

MANY = 500  # of whom all are asked, and the answer is sifted: a statement takes only so many parameters


def busy(charger_ids: Collection[int]) -> set[int]:
    running = _theirs(ChargingSession.objects.filter(stopped_at=None, is_superseded=False), charger_ids)
    return set(running.values_list("charger", flat=True)).intersection(charger_ids)


def charged(since: Mapping[int, datetime]) -> dict[int, datetime]:
    """A session counts that began after the update, has ended, and drew energy."""
    if not since:
        return {}
    ended = ChargingSession.objects.filter(
        started_received_at__gte=min(since.values()), stopped_received_at__isnull=False, energy_wh__gt=0
    ).order_by("-stopped_received_at")
    rows = _theirs(ended, since).values_list("charger", "started_received_at", "stopped_received_at")
    return {
        charger: ended_at
        for charger, began_at, ended_at in rows
        if ended_at and charger in since and began_at >= since[charger]
    }


def _theirs(sessions: QuerySet[ChargingSession], charger_ids: Collection[int]) -> QuerySet[ChargingSession]:
    return sessions.filter(charger__in=charger_ids) if len(charger_ids) <= MANY else sessions
