"""The number by which a remotely started session is known to be ours."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from chargers.models import Charger, Command, CommandStatus

# A driver has this long to plug in (ConnectionTimeOut is 60–180 s in the field); later starts are their own.
PATIENCE = timedelta(minutes=5)


def remote_start_id(command_id: UUID) -> int:
    """A positive int32 that a charger repeats in its start (2.x) and that leads back to the command."""
    return command_id.int % 0x7FFFFFFF + 1


def ordered_start(charger: Charger, *, token: str, evse_id: int, at: datetime) -> int | None:
    """The remote start that explains a session for ``token``, for a version whose start does not name it (1.6)."""
    recent = Command.objects.filter(
        charger=charger,
        verb="remote_start",
        sent_at__gt=at - PATIENCE,
        status__in=[CommandStatus.SENT, CommandStatus.ACCEPTED, CommandStatus.TIMEOUT],
    )
    for command in recent:  # newest first
        asked = command.arguments
        if str(asked.get("token", "")).casefold() == token.casefold() and asked.get("evse_id") in (None, 0, evse_id):
            return remote_start_id(command.pk)
    return None
