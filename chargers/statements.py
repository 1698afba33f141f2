"""SQL whose text never changes, run with whole sets of values at once. Knows no model.

The reply path says the same few things to the database thousands of times a second. Built anew each time, a statement
costs more than its execution; so here its text is fixed, PostgreSQL plans it once per connection, and a set of values
travels as one JSON text, however many there are.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from django.db import DEFAULT_DB_ALIAS, connections

from chargers import database

Row = tuple[Any, ...]
Column = tuple[str, str]  # name and PostgreSQL type

_LINE = "chargeyard_line"  # attribute of psycopg's connection: the two hold each other, and end together


def is_postgresql() -> bool:
    """Whether the database is PostgreSQL, else it is SQLite. Ask once: Django finds its connection anew each time."""
    return connections[DEFAULT_DB_ALIAS].vendor == "postgresql"


def execute(sql: str, params: Sequence[Any]) -> list[Row]:
    """Run one statement; the rows that it returns, none for one that returns nothing."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.vendor == "postgresql" and _is_ours(wrapper):
        wrapper.ensure_connection()
        with wrapper.wrap_database_errors:
            return _line(wrapper.connection).execute(sql, params)
    with wrapper.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


class _Line:
    """A connection of psycopg, spoken to by libpq itself: each statement is prepared once, and then is one exchange.

    psycopg's cursor decides anew each time whether to prepare, and asks the selector before each answer; with an
    exchange of 100 µs that is more than half of what it costs. It goes on to have the connection: transactions are its.
    """

    def __init__(self, raw: Any) -> None:
        from psycopg.adapt import AdaptersMap, PyFormat, Transformer
        from psycopg.types.datetime import TimestamptzLoader

        self._raw = raw
        self._names: dict[str, bytes] = {}  # of the prepared statements
        self._format = PyFormat.TEXT
        # Django's loader is Python, and only replaces one UTC by another.
        self.adapters = AdaptersMap(raw.adapters)
        self.adapters.register_loader("timestamptz", TimestamptzLoader)
        self.connection = raw
        self._transformer = Transformer(self)
        self._poll = select.poll()
        self._patience_s: float | None = getattr(raw, database.PATIENCE_S, None)

    def execute(self, sql: str, params: Sequence[Any]) -> list[Row]:
        from psycopg.pq import TransactionStatus

        line = self._raw.pgconn
        if line.transaction_status == TransactionStatus.IDLE and not self._raw.autocommit:
            self._ask(line.send_query, b"BEGIN")
        name = self._names.get(sql) or self._prepare(sql)
        values = self._transformer.dump_sequence(params, [self._format] * len(params))
        answer = self._ask(line.send_query_prepared, name, values)
        if not answer.nfields:
            return []
        self._transformer.set_pgresult(answer)
        return self._transformer.load_rows(0, answer.ntuples, tuple)

    def _prepare(self, sql: str) -> bytes:
        first, *others = sql.split("%s")
        numbered = first + "".join(f"${n}{part}" for n, part in enumerate(others, 1))
        name = f"chargeyard_{len(self._names)}".encode()
        self._ask(self._raw.pgconn.send_prepare, name, numbered.encode())
        self._names[sql] = name
        return name

    def _ask(self, send: Callable[..., None], *words: Any) -> Any:
        """What the database answers. Raises what psycopg raises, OperationalError when the answer does not come."""
        from psycopg.errors import error_from_result
        from psycopg.pq import ExecStatus

        line = self._raw.pgconn
        send(*words)
        while line.flush():  # more than the socket takes at once
            self._wait(select.POLLIN | select.POLLOUT)
        answers = []
        while True:
            while line.is_busy():
                self._wait(select.POLLIN)
            if (answer := line.get_result()) is None:
                break
            answers.append(answer)
        if answers[-1].status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return answers[-1]
        raise error_from_result(answers[-1], encoding=self._transformer.encoding)

    def _wait(self, for_what: int) -> None:
        self._poll.register(self._raw.pgconn.socket, for_what)
        if not self._poll.poll(self._patience_s and self._patience_s * 1000):
            raise database.given_up(self._raw, self._patience_s)
        self._raw.pgconn.consume_input()


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


def _is_ours(wrapper: Any) -> bool:
    """Whether statements may go past Django's cursor: nobody counts or logs them, and what is prepared stays."""
    is_watched = bool(wrapper.execute_wrappers) or wrapper.queries_logged
    return not is_watched and wrapper.settings_dict["OPTIONS"].get("prepare_threshold") is not None


def _line(raw: Any) -> _Line:
    line: _Line | None = getattr(raw, _LINE, None)
    if line is None:
        line = _Line(raw)
        setattr(raw, _LINE, line)
    return line
