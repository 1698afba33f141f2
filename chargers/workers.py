"""Workers that say they live, by a row that is only written to prove that the database takes commits."""

from __future__ import annotations

from datetime import datetime

from chargers.models import WorkerProcess


def touch_worker(name: str, at: datetime) -> None:
    WorkerProcess.objects.update_or_create(
        name=name, defaults={"seen_at": at}, create_defaults={"started_at": at, "seen_at": at}
    )
