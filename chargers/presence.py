"""When a charger was heard: the latest moment on its row, and one bit per minute for its history.

Knows no OCPP. A batch of frames collects into one `PresenceBook` and writes it with two statements.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Case, F, Value, When

from chargers.models import Charger, PresenceHour


class PresenceBook:
    """Who was heard in this batch. `heard` costs nothing; `write` is one UPDATE and one upsert, on any database."""

    def __init__(self) -> None:
        self._heard_at: dict[int, datetime] = {}
        self._heartbeat_at: dict[int, datetime] = {}
        self._hours: dict[tuple[int, datetime], list[int]] = {}  # (charger, hour) → [minutes as bits, heartbeats]

    def heard(self, charger: Charger, at: datetime, *, heartbeat: bool = False) -> None:
        """Note that a frame of the charger came in ``at`` (server time)."""
        self._heard_at[charger.pk] = max(at, self._heard_at.get(charger.pk, at))
        hour = at.replace(minute=0, second=0, microsecond=0)
        entry = self._hours.setdefault((charger.pk, hour), [0, 0])
        entry[0] |= 1 << at.minute
        if heartbeat:
            self._heartbeat_at[charger.pk] = at
            entry[1] += 1

    def write(self) -> None:
        """Store what was noted, once, inside the batch's transaction."""
        if self._heard_at:
            self._write_latest()
            self._write_hours()

    def _write_latest(self) -> None:
        # One moment for the whole batch: it was collected within milliseconds, and one value keeps it one cheap UPDATE.
        changes: dict[str, object] = {"last_heard_at": max(self._heard_at.values())}
        if self._heartbeat_at:
            beat_at = max(self._heartbeat_at.values())
            changes["last_heartbeat_at"] = Case(
                When(pk__in=self._heartbeat_at, then=Value(beat_at)), default=F("last_heartbeat_at")
            )
        Charger.objects.filter(pk__in=self._heard_at).update(**changes)

    def _write_hours(self) -> None:
        table = connection.ops.quote_name(PresenceHour._meta.db_table)
        adapt = connection.ops.adapt_datetimefield_value
        # In key order: two workers that upsert the same hours must not lock them crosswise.
        rows = [
            (charger_id, adapt(hour), minutes, heartbeats)
            for (charger_id, hour), (minutes, heartbeats) in sorted(self._hours.items())
        ]
        sql = (
            f"INSERT INTO {table} (charger_id, hour, minutes_heard, heartbeats) "  # noqa: S608 - our own table's name
            f"VALUES {', '.join(['(%s, %s, %s, %s)'] * len(rows))} "
            "ON CONFLICT (charger_id, hour) DO UPDATE SET "
            f"minutes_heard = {table}.minutes_heard | excluded.minutes_heard, "
            f"heartbeats = {table}.heartbeats + excluded.heartbeats"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for row in rows for value in row])
