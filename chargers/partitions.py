"""Tables that grow for ever, kept by month on PostgreSQL: to forget a month is to drop a table. Plain SQL.

Knows no model: who uses it says which table, by which column, and how a moment is written in that column. Elsewhere
(SQLite) such a table is an ordinary one, and nothing here does anything.

A default partition takes what belongs to no month that we have (a clock in 1970, a month that nobody made), so that no
insert can fail for want of a place; it is kept small, for each look at the whole table reads it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import dropwhile
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

log = structlog.get_logger(__name__)

MONTHS_AHEAD = 3  # so long nobody needs to come by to make new ones
# Shorter than PostgreSQL's deadlock_timeout: if anybody has to give way, it is us and not a charger's frame.
LOCK_TIMEOUT = "500ms"
ATTEMPTS = 20
PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Monthly:
    """A table with a partition for each month of ``column``; ``literal`` writes a moment as that column's value."""

    table: str
    column: str
    literal: Callable[[datetime], str]

    @property
    def default(self) -> str:
        return f"{self.table}_default"

    def months(self) -> list[datetime]:
        """The months that have a partition, by their first moment, oldest first."""
        names = _column(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "WHERE inhparent = %s::regclass ORDER BY child.relname",
            self.table,
        )
        return [_of_name(name) for name in names if name != self.default]

    def make_ahead(self, *, at: datetime) -> None:
        """Make the partitions of this month and the next ones, as far as they are not there. Safe to repeat.

        One that somebody has vacuumed while it was empty is emptied anew: PostgreSQL would take it for a table of no
        rows, plan to read the whole of it, and keep to that on the first of the month, when it fills.
        """
        if connection.vendor != "postgresql":
            return
        first = month_of(at)
        there = set(self.months())
        for month in following(first, MONTHS_AHEAD + 1):
            if month not in there and _insist(partial(self._make, month)):
                log.info("partition_made", table=self.table, month=f"{month:%Y-%m}")
        for month in self._taken_for_empty():
            _insist(partial(self._forget_statistics, month))

    def drop_before(self, moment: datetime, *, but: str = "") -> int:
        """Drop the months that had ended by then; how many.

        ``but``: an SQL condition on rows that must stay. They move to the default partition.
        """
        if connection.vendor != "postgresql":
            return 0
        dropped = 0
        for month in [month for month in self.months() if next_month(month) <= moment]:
            if _insist(partial(self._drop, month, but)):
                log.info("partition_dropped", table=self.table, month=f"{month:%Y-%m}")
                dropped += 1
        return dropped

    def partition(self) -> None:
        """Turn the ordinary table into a partitioned one, its rows, constraints and indexes with it. For a migration.

        Its name and those of its constraints and indexes stay as Django knows them; the primary key alone gets the
        column added, which PostgreSQL wants, and nobody refers to.
        """
        table, new, column = self.table, f"{self.table}_new", self.column
        constraints = _rows(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = %s::regclass AND contype IN ('f', 'u') ORDER BY conname",
            table,
        )
        indexes = _column(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass AND NOT EXISTS "
            "(SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY indexrelid",
            table,
        )
        _execute(
            f"CREATE TABLE {new} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ({column})"
        )
        _execute(f"CREATE TABLE {self.default} PARTITION OF {new} DEFAULT")
        for month in self._months_of_rows():
            _execute(f"CREATE TABLE {self.name_of(month)} PARTITION OF {new} FOR VALUES {self.range_of(month)}")
        _execute(f"INSERT INTO {new} SELECT * FROM {table}")  # noqa: S608 (our names)
        _execute(f"DROP TABLE {table}")
        _execute(f"ALTER TABLE {new} RENAME TO {table}")
        _execute(f"CREATE SEQUENCE {table}_id_seq OWNED BY {table}.id")
        _execute(f"SELECT setval('{table}_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)")  # noqa: S608
        _execute(f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{table}_id_seq')")
        _execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id, {column})")
        for name, definition in constraints:
            _execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for definition in indexes:
            _execute(definition)

    # -- one month -----------------------------------------------------------------------------------------------------

    def _make(self, month: datetime) -> None:
        name, (low, high) = self.name_of(month), self._bounds(month)
        # First, so that nobody puts a row of this month there between the move and the end.
        _execute(f"LOCK TABLE {self.default} IN ACCESS EXCLUSIVE MODE")
        _execute(f"CREATE TABLE {name} (LIKE {self.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        _execute(
            f"WITH moved AS (DELETE FROM {self.default} WHERE {self.column} >= '{low}' AND {self.column} < '{high}' "  # noqa: S608
            f"RETURNING *) INSERT INTO {name} SELECT * FROM moved"
        )
        # Attached, not created in place: that takes a lock under which frames go on.
        _execute(f"ALTER TABLE {self.table} ATTACH PARTITION {name} FOR VALUES {self.range_of(month)}")

    def _taken_for_empty(self) -> list[datetime]:
        names = _column(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "WHERE inhparent = %s::regclass AND child.reltuples = 0",  # -1: never looked at, and then it assumes some
            self.table,
        )
        return [_of_name(name) for name in names if name != self.default]

    def _forget_statistics(self, month: datetime) -> None:
        name = self.name_of(month)
        _execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
        if not _column(f"SELECT EXISTS (SELECT FROM {name})")[0]:  # noqa: S608
            _execute(f"TRUNCATE {name}")

    def _drop(self, month: datetime, but: str) -> None:
        name = self.name_of(month)
        _execute(f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE")
        if but:
            _execute(f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM {name} WHERE {but}")  # noqa: S608
        _execute(f"DROP TABLE {name}")
        if but:
            _execute(f"INSERT INTO {self.table} SELECT * FROM kept")  # noqa: S608

    def name_of(self, month: datetime) -> str:
        return f"{self.table}_{month:%Y_%m}"

    def _bounds(self, month: datetime) -> tuple[str, str]:
        return self.literal(month), self.literal(next_month(month))

    def range_of(self, month: datetime) -> str:
        low, high = self._bounds(month)
        return f"FROM ('{low}') TO ('{high}')"

    def _months_of_rows(self) -> list[datetime]:
        """From the first of the last two years' months that has rows to those ahead; older rows go to the default."""
        months = following(month_of(datetime.now(UTC) - timedelta(days=730)), 25 + MONTHS_AHEAD)
        past, ahead = months[: -MONTHS_AHEAD - 1], months[-MONTHS_AHEAD - 1 :]
        return [*dropwhile(lambda month: not self._has_rows(month), past), *ahead]

    def _has_rows(self, month: datetime) -> bool:
        low, high = self._bounds(month)
        found = f"SELECT FROM {self.table} WHERE {self.column} >= '{low}' AND {self.column} < '{high}'"
        return bool(_column(f"SELECT EXISTS ({found})")[0])


def by_time(moment: datetime) -> str:
    """For a column of type timestamp with time zone."""
    return moment.isoformat()


def month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    return month_of(month + timedelta(days=31))


def following(month: datetime, count: int) -> list[datetime]:
    """``count`` months, beginning with ``month``."""
    months = [month]
    while len(months) < count:
        months.append(next_month(months[-1]))
    return months


def _of_name(name: str) -> datetime:
    return datetime.strptime(name[-7:], "%Y_%m").replace(tzinfo=UTC)


def _insist(change: Callable[[], None]) -> bool:
    """Do a change that needs locks, stepping back soon when it does not get them; False if it never got them.

    Then the next day is as good: there are months ahead, and an old one may stay a day longer.
    """
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                _execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                change()
                return True
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            time.sleep(PAUSE_S)
    log.warning("partitions_busy", attempts=ATTEMPTS)
    return False


def _execute(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)


def _rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return list(cursor.fetchall())


def _column(sql: str, *params: Any) -> list[Any]:
    return [row[0] for row in _rows(sql, *params)]
