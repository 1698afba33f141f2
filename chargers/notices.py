"""What chargers tell and nobody has a table for yet: kept as told, found by kind and key.

Collected for a batch and written in one statement, so that what comes often (streams of values) costs no query of its
own. A message that comes again is recognised before it gets here; what is money is asked for once more, by `add_once`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargers.models import Charger, Notice


class NoticeBook:
    def __init__(self) -> None:
        self._new: list[Notice] = []

    def add(self, charger: Charger, kind: str, payload: dict[str, Any], *, key: object = "", at: datetime) -> None:
        """Have it stored with the batch. ``key``: what it is about, e.g. the number of a payment."""
        self._new.append(Notice(charger=charger, kind=kind, key=str(key)[:255], payload=payload, received_at=at))

    def add_once(self, charger: Charger, kind: str, payload: dict[str, Any], *, key: object = "", at: datetime) -> bool:
        """What is money; False if the charger has told just this of ``key`` before, be it in this very batch."""
        told = (charger.pk, kind, str(key)[:255], payload)
        if any((each.charger_id, each.kind, each.key, each.payload) == told for each in self._new):
            return False
        if Notice.objects.filter(charger=charger, kind=kind, key=told[2], payload=payload).exists():
            return False
        self.add(charger, kind, payload, key=key, at=at)
        return True

    def write(self) -> None:
        if self._new:
            Notice.objects.bulk_create(self._new)
            self._new = []
