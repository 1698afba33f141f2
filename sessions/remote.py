"""The number by which a remotely started session is known to be ours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from chargers.models import Charger, Command
from chargers.rows import Lookup

# A driver has this long to plug in (ConnectionTimeOut is 60–180 s in the field); later starts are their own.
PATIENCE = timedelta(minutes=5)
_SENT = Lookup(
    Command,
    by=["charger_id"],
    also="t.verb = 'remote_start' AND t.sent_at > %s AND t.status IN ('sent', 'accepted', 'timeout')",
)


def remote_start_id(command_id: UUID) -> int:
    """A positive int32 that a charger repeats in its start (2.x) and that leads back to the command."""
    return command_id.int % 0x7FFFFFFF + 1


class Orders:
    """The remote starts that were sent to some chargers lately, read at once.

    They explain the session of a version whose start does not name its order (1.6).
    """

    def __init__(self, chargers: Iterable[Charger], *, at: datetime) -> None:
        """``at``: when the first of the sessions began."""
        since = connection.ops.adapt_datetimefield_value(at - PATIENCE)
        self._commands = sorted(
            _SENT({(charger.pk,) for charger in chargers}, since), key=lambda command: command.created_at, reverse=True
        )

    def of_start(self, charger: Charger, *, token: str, evse_id: int, at: datetime) -> int | None:
        """The number of the newest order that a session for ``token`` on ``evse_id`` fulfils."""
        for command in self._commands:
            if command.charger_id != charger.pk or command.sent_at is None or command.sent_at <= at - PATIENCE:
                continue
            asked = command.arguments
            is_same_token = str(asked.get("token", "")).casefold() == token.casefold()
            if is_same_token and asked.get("evse_id") in (None, 0, evse_id):
                return remote_start_id(command.pk)
        return None
