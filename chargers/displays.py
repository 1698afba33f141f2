"""What chargers show to people, and what they told of a customer. Knows no OCPP words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from chargers.models import Charger, CustomerRecord, DisplayMessage
from chargers.rows import clip


@dataclass(slots=True, frozen=True)
class Message:
    """A text on a display, see `DisplayMessage`."""

    message_id: int
    priority: str
    format: str
    content: str
    language: str = ""
    state: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    transaction_id: str = ""


_SAID = ("priority", "format", "content", "language", "state", "starts_at", "ends_at", "transaction_id")


def record(charger: Charger, messages: Iterable[Message], *, at: datetime) -> None:
    """Store messages that a charger has; one with the same number replaces the other."""
    rows = {message.message_id: _row(charger, message, at) for message in messages}
    DisplayMessage.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["charger", "message_id"],
        update_fields=[*_SAID, "reported_at"],
    )


def _row(charger: Charger, message: Message, at: datetime) -> DisplayMessage:
    said = {
        name: clip(DisplayMessage, name, value) if isinstance(value, str) and name != "content" else value
        for name, value in asdict(message).items()
    }
    return DisplayMessage(charger=charger, reported_at=at, **said)


def forget(charger: Charger, message_id: int | None = None) -> int:
    """A charger does not have this message (None: any) any more; how many we knew."""
    known = DisplayMessage.objects.filter(charger=charger)
    return (known if message_id is None else known.filter(message_id=message_id)).delete()[0]


def record_customer(charger: Charger, *, request_id: int, seq_no: int, data: str, at: datetime) -> None:
    """Keep one part of what a charger holds about a customer. Safe to repeat."""
    CustomerRecord.objects.update_or_create(
        charger=charger, request_id=request_id, seq_no=seq_no, defaults={"data": data, "received_at": at}
    )
