"""Workers that say they live, by a row that is only written to prove that the database takes commits."""

from __future__ import annotations

from datetime import datetime, timedelta

from chargers.models import WorkerProcess

# Containers get a new name with each start.
FORGOTTEN_AFTER = timedelta(days=1)


def touch_worker(name: str, at: datetime) -> None:
    """Say that the worker ``name`` lives. A new one clears away those that nobody has seen for a day."""
    _, is_new = WorkerProcess.objects.update_or_create(
        name=name, defaults={"seen_at": at}, create_defaults={"started_at": at, "seen_at": at}
    )
    if is_new:
        WorkerProcess.objects.filter(seen_at__lt=at - FORGOTTEN_AFTER).delete()
