"""Frames that are too large for the broker wait here, by an id that travels in their place. Knows no broker.

A row lives from the gateway's commit to the worker's; what is left over after a day, because its reference got lost, is
swept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from chargers.models import LargeFrame

LEFT_OVER_AFTER = timedelta(days=1)


def keep(charger_id: int, content: bytes, *, at: datetime) -> UUID:
    """Store a frame; the id under which `take` finds it."""
    return LargeFrame.objects.create(charger_id=charger_id, content=content, received_at=at).pk


def take(wanted: Mapping[UUID, int]) -> dict[UUID, bytes]:
    """The frames by id, and they are gone with the transaction of the caller. ``wanted``: id → its charger's pk.

    A frame that was taken before, or that is another charger's, is not among them.
    """
    if not wanted:
        return {}
    rows = LargeFrame.objects.filter(pk__in=wanted).values_list("pk", "charger_id", "content")
    found = {pk: bytes(content) for pk, charger_id, content in rows if wanted[pk] == charger_id}
    LargeFrame.objects.filter(pk__in=found).delete()
    return found


def sweep(*, at: datetime) -> int:
    """Delete what nobody took; how many they were."""
    deleted, _ = LargeFrame.objects.filter(received_at__lt=at - LEFT_OVER_AFTER).delete()
    return deleted
