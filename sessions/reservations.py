"""A connector kept free for somebody."""

from __future__ import annotations

from datetime import datetime

from chargers.models import Charger
from sessions.models import Reservation


def record(charger: Charger, reservation_id: int, *, evse_id: int, token: str, expires_at: datetime) -> Reservation:
    """The charger keeps ``evse_id`` (0: any) for ``token``; an older reservation of that number is replaced."""
    reservation, _ = Reservation.objects.update_or_create(
        charger=charger,
        reservation_id=reservation_id,
        defaults={"evse_id": evse_id, "token_value": token[:255], "expires_at": expires_at, "status": "accepted"},
    )
    return reservation


def end(charger: Charger, reservation_id: int, status: str) -> bool:
    """A reservation is over: ``cancelled``, ``used`` or ``expired``. False if there is none that runs."""
    running = Reservation.objects.filter(charger=charger, reservation_id=reservation_id, status="accepted")
    return running.update(status=status) == 1
