"""When a charger was heard: the latest moment on its row, and one bit per minute for its history.

Knows no OCPP. A batch of frames collects into one `PresenceBook` and writes it with two statements.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, models

from chargers import statements
from chargers.models import Charger, PresenceHour

_HEARD = (("id", "bigint"), ("is_heartbeat", "boolean"))
_HOURS = (
    ("charger_id", "bigint"),
    ("hour", "timestamp with time zone"),
    ("minutes_heard", "bigint"),
    ("heartbeats", "integer"),
)


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
        # One moment for the whole batch: it was collected within milliseconds.
        rows = [(pk, pk in self._heartbeat_at) for pk in sorted(self._heard_at)]
        sql = (
            f"UPDATE {_quoted(Charger)} SET last_heard_at = %s, last_heartbeat_at = "  # noqa: S608 - our own names
            f"CASE WHEN v.is_heartbeat THEN %s ELSE last_heartbeat_at END "
            f"FROM {statements.recordset('v', _HEARD)} WHERE {_quoted(Charger)}.id = v.id"
        )
        at = connection.ops.adapt_datetimefield_value(max(self._heard_at.values()))
        statements.execute(sql, [at, at, *statements.records(_HEARD, rows)])

    def _write_hours(self) -> None:
        table, adapt = _quoted(PresenceHour), connection.ops.adapt_datetimefield_value
        # In key order: two workers that upsert the same hours must not lock them crosswise.
        rows = [(pk, adapt(hour), *counts) for (pk, hour), counts in sorted(self._hours.items())]
        names = ", ".join(name for name, _ in _HOURS)
        sql = (
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {statements.recordset('v', _HOURS)} "  # noqa: S608
            "WHERE true ON CONFLICT (charger_id, hour) DO UPDATE SET "  # SQLite would read ON as a join's
            f"minutes_heard = {table}.minutes_heard | excluded.minutes_heard, "
            f"heartbeats = {table}.heartbeats + excluded.heartbeats"
        )
        statements.execute(sql, statements.records(_HOURS, rows))


def _quoted(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
