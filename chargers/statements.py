"""SQL whose text never changes, run with whole sets of values at once. Knows no model.

The reply path says the same few things to the database thousands of times a second. Built anew each time, a statement
costs more than its execution; so here its text is fixed, PostgreSQL plans it once per connection, and a set of values
travels as one JSON text, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.signals import connection_created
from django.dispatch import receiver

Row = tuple[Any, ...]
Column = tuple[str, str]  # name and PostgreSQL type

_cursors: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # of PostgreSQL connections


def is_postgresql() -> bool:
    """Whether the database is PostgreSQL, else it is SQLite. Ask once: Django finds its connection anew each time."""
    return connections[DEFAULT_DB_ALIAS].vendor == "postgresql"


def execute(sql: str, params: Sequence[Any]) -> list[Row]:
    """Run one statement; the rows that it returns, none for one that returns nothing."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.vendor == "postgresql" and not _is_watched(wrapper):
        wrapper.ensure_connection()
        with wrapper.wrap_database_errors:
            cursor = _prepared_cursor(wrapper.connection).execute(sql, params, prepare=True)
            return cursor.fetchall() if cursor.pgresult.nfields else []  # `description` would describe each column
    with wrapper.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


@receiver(connection_created, dispatch_uid="plan once")
def _plan_once(connection: Any, **kwargs: Any) -> None:
    """Keep PostgreSQL from thinking longer than it works. Not behind a pooler, as below."""
    if connection.vendor == "postgresql" and connection.settings_dict["OPTIONS"].get("prepare_threshold") is not None:
        with connection.cursor() as cursor:
            # Left to itself it plans anew what is cheaper with its values: with a year of partitions, longer than it
            # runs. And to count a fleet by state takes 0.1 s; to compile that beforehand took 3.
            cursor.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")


def recordset(alias: str, columns: Iterable[Column]) -> str:
    """A set of records as a table in a FROM clause; it takes the two parameters that `records` makes of the set."""
    if is_postgresql():
        shape = ", ".join(f"{name} {kind}" for name, kind in columns)
        # The number of records is told, for PostgreSQL would reckon with 100 and scan whole tables to join them.
        return f"(SELECT * FROM json_to_recordset(%s::json) AS r({shape}) LIMIT %s) AS {alias}"  # noqa: S608 - our names
    items = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name, _ in columns)
    return f"(SELECT {items} FROM json_each(%s) LIMIT %s) AS {alias}"  # noqa: S608


def records(columns: Iterable[Column], rows: Sequence[Row]) -> tuple[str, int]:
    """Rows, values in the order of ``columns``, as the parameters of a `recordset`."""
    names = [name for name, _ in columns]
    return orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode(), len(rows)


def prefer_indexes() -> None:
    """Have this process, on the reply path, read no table from end to end where an index will do.

    PostgreSQL keeps the plan of a prepared statement. One made while tables were empty would scan them from end to end
    after they have filled, until their statistics are next taken. Behind a pooler nothing is set: it shares sessions.
    """
    if connection.vendor == "postgresql" and connection.settings_dict["OPTIONS"].get("prepare_threshold") is not None:
        connection_created.connect(_forgo_scans, dispatch_uid="prefer indexes")


def _forgo_scans(connection: Any, **signal: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")


def _is_watched(wrapper: Any) -> bool:
    """Whether somebody counts or logs statements; then they go through Django's own cursor, which tells."""
    return bool(wrapper.execute_wrappers) or wrapper.queries_logged


def _prepared_cursor(raw: Any) -> Any:
    """One cursor per connection of psycopg, with server-side parameters and psycopg's own fast loaders."""
    cursor = _cursors.get(raw)
    if cursor is None:
        import psycopg
        from psycopg.types.datetime import TimestamptzLoader

        cursor = _cursors[raw] = psycopg.Cursor(raw)
        # Django's loader is Python, and only replaces one UTC by another.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
    return cursor
