"""Steps of firmware updates and log uploads, as chargers tell them, and messages only their vendor understands."""

from __future__ import annotations

from datetime import datetime

from chargers import uploads
from chargers.masking import mask
from chargers.models import Charger, Transfer, VendorMessage

_STATUS_COLUMN = {
    Transfer.Kind.FIRMWARE: "firmware_status",
    Transfer.Kind.DIAGNOSTICS: "diagnostics_status",
    Transfer.Kind.LOG: "diagnostics_status",
}


def record_step(
    charger: Charger, kind: Transfer.Kind, status: str, *, request_id: int | None = None, at: datetime
) -> bool:
    """Note how far a transfer is; False if that is what the charger told last (chargers repeat themselves)."""
    status = status[:40]
    last = Transfer.objects.filter(charger=charger, kind=kind).first()
    if last is not None and (last.status, last.request_id) == (status, request_id):
        return False
    Transfer.objects.create(charger=charger, kind=kind, status=status, request_id=request_id, received_at=at)
    if kind in (Transfer.Kind.DIAGNOSTICS, Transfer.Kind.LOG):
        uploads.follow(charger, status)
    if column := _STATUS_COLUMN.get(kind):
        setattr(charger, column, status)
        charger.save(update_fields=[column])
    return True


def record_vendor_message(
    charger: Charger, *, vendor_id: str, message_id: str = "", data: str = "", at: datetime
) -> VendorMessage:
    """Keep a message that we do not understand for whoever does."""
    return VendorMessage.objects.create(
        charger=charger, vendor_id=vendor_id[:255], message_id=message_id[:50], data=mask(data), received_at=at
    )
