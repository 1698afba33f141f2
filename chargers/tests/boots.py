"""A boot that comes alone; in the house boots come in batches (`chargers.boots.BootBook`)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from chargers.boots import BootBook, Nameplate
from chargers.models import Boot, Charger


@transaction.atomic
def record_boot(
    charger: Charger, nameplate: Nameplate, *, reason: str = "", is_impostor: bool = False, at: datetime
) -> Boot:
    book = BootBook()
    boot = book.add(charger, nameplate, reason=reason, is_impostor=is_impostor, at=at)
    book.write()
    return boot
