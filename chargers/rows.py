"""Rows by the batch: found, stored and changed in one statement each; and the keys by which a row is known again."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache, wraps
from hashlib import blake2b
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState

from chargers import statements
from chargers.statements import Column, Row, is_postgresql

Model = TypeVar("Model", bound=models.Model)
Field = Any  # a field of a model; Django's class is generic for the type checker only

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


def digest(*parts: Any) -> UUID:
    """A key for facts that have no id of their own: the same parts give the same key, in any process and version."""
    return UUID(bytes=blake2b(_encode(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest())


def dated(key: UUID, moment: datetime | None) -> UUID:
    """The key with its first 6 bytes saying when (milliseconds since 1970), so that the keys of a month lie together.

    All zeros without a moment. 10 bytes of the key stay, which is plenty among what one charger says in a millisecond.
    """
    since_1970 = (moment - datetime(1970, 1, 1, tzinfo=UTC)) if moment else timedelta()
    milliseconds = max(0, since_1970 // timedelta(milliseconds=1))
    return UUID(bytes=milliseconds.to_bytes(6) + key.bytes[6:])


def first_key(moment: datetime) -> str:
    """The lowest key that `dated` gives for a moment."""
    return str(dated(UUID(int=0), moment))


def clip(model: type[models.Model], column: str, text: str) -> str:
    """As much of a text as the column holds: a charger with a name of 10 KB still has to charge."""
    return text[: _width(model, column)]


@cache
def _width(model: type[models.Model], column: str) -> int | None:
    field: Field = model._meta.get_field(column)
    width: int | None = field.max_length
    return width


def make(model: type[Model], /, **values: Any) -> Model:
    """A new row, at a tenth of what its model's constructor costs.

    ``values`` by attribute, those whose defaults are made (`list`) among them; the rest has its default.
    """
    return _instance(model, {**_defaults(model), **values}, is_stored=False)


def stored(model: type[Model], values: dict[str, Any], **related: models.Model) -> Model:
    """A row as it is stored, by some of its attributes, its key among them; the rest is read when somebody asks.

    ``related``: rows that its foreign keys lead to, if they were read with it.
    """
    return _instance(model, values, is_stored=True, related=related)


def _instance(
    model: type[Model], values: dict[str, Any], *, is_stored: bool, related: dict[str, Any] | None = None
) -> Model:
    """What `Model.from_db` gives, past signals that nobody hears and a loop over all fields."""
    state = ModelState()
    if is_stored:
        state.adding, state.db = False, DEFAULT_DB_ALIAS
    if related:
        state.fields_cache = related
    row = model.__new__(model)
    row.__dict__ = {"_state": state, **values}
    return row


@cache
def _defaults(model: type[models.Model]) -> dict[str, Any]:
    made = [field for field in model._meta.concrete_fields if field.has_default() and callable(field.default)]
    return {field.attname: field.get_default() for field in model._meta.concrete_fields if field not in made}


def number(rows: Sequence[models.Model]) -> None:
    """Give new rows of one model their primary keys before they are stored with `insert`; in a transaction."""
    if not rows:
        return
    meta = type(rows[0])._meta
    table, column = connection.ops.quote_name(meta.db_table), str(meta.pk.column)
    if is_postgresql():
        sql = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
        keys = [key for (key,) in statements.execute(sql, [table, column, len(rows)])]
    else:  # the one writer that SQLite has; a key that is stored moves its counter on
        found = statements.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [meta.db_table])
        first = (found[0][0] if found else 0) + 1
        keys = list(range(first, first + len(rows)))
    for row, key in zip(rows, keys, strict=True):
        row.pk = key


def insert(rows: Sequence[Any], *, model: type[models.Model] | None = None, ignore_conflicts: bool = False) -> None:
    """Store new rows of one model: with the keys that `number` gave them, or with keys that nobody asks for.

    ``model``: whose rows they are, for objects that only have its attributes. ``ignore_conflicts``: a row that breaks a
    unique constraint is left out.
    """
    if not rows:
        return
    model = cast("type[models.Model]", model or type(rows[0]))
    has_key = getattr(rows[0], model._meta.pk.attname, None) is not None
    _insertion(model, has_key, ignore_conflicts, is_postgresql()).run(rows)


def rewrite(rows: Collection[models.Model], columns: Sequence[str], *, found_by: Sequence[str] = ()) -> None:
    """Save ``columns`` of rows of one model that differ from row to row.

    ``found_by``: more columns that tell where the row is, beside its primary key: that of its partition.
    What `bulk_update` does with a CASE over all rows, which takes Django longer to build than the database to execute.
    """
    if rows:
        _rewriting(type(next(iter(rows))), tuple(columns), tuple(found_by), is_postgresql()).run(rows)


def sentence(word: Callable[..., models.QuerySet[Any, Any]]) -> Callable[..., list[Row]]:
    """Have a query worded once for the same arguments: that takes Django longer than it takes the database to answer.

    ``word``: builds it; it asks for plain columns only (JSON cast to text), for nothing converts them.
    """

    @lru_cache(maxsize=256)
    def worded(*args: Hashable) -> tuple[str, tuple[Any, ...]]:
        return word(*args).query.sql_with_params()

    @wraps(word)
    def read(*args: Hashable) -> list[Row]:
        if not is_postgresql():  # SQLite's columns have fewer types than ours
            return list(word(*args))
        return statements.execute(*worded(*args))

    return read


def remove(model: type[models.Model], keys: Collection[int]) -> None:
    """Delete rows by their primary keys, where nothing refers to them."""
    if keys:
        sql, columns = _removing(model, is_postgresql())
        statements.execute(sql, statements.records(columns, [(key,) for key in keys]))


class Lookup(Generic[Model]):
    """The rows of ``model`` whose columns ``by`` hold one of many values; in order of their keys.

    ``also``: SQL about ``t`` that narrows them further; ``given``: columns that it may name as ``wanted.…``, told after
    those of ``by``. The bounds of a range belong there: where they are parameters of their own, unknown to the planner
    when it makes the plan that is kept, it takes a range to be narrow, and reads all of it. ``only``, ``without``:
    attributes to read, or not to; the rest is read when somebody asks. ``is_locking``: the rows stay locked until the
    transaction ends.
    """

    def __init__(
        self,
        model: type[Model],
        *,
        by: Sequence[str],
        also: str = "",
        given: Sequence[Column] = (),
        only: Collection[str] = (),
        without: Collection[str] = (),
        is_locking: bool = False,
    ) -> None:
        self._model = model
        self._by = by
        self._also = also
        self._given = list(given)
        self._only = frozenset(only)
        self._without = frozenset(without)
        self._is_locking = is_locking
        self._prepared: dict[bool, _Question] = {}  # by whether it is for PostgreSQL

    def __call__(self, wanted: Iterable[Row], *params: Any) -> list[Model]:
        """``wanted``: values of ``by`` and ``given``, each combination once; ``params``: what ``also`` asks for."""
        rows = list(wanted)
        if not rows:
            return []
        question = self._prepared.get(for_postgresql := is_postgresql()) or self._prepare(for_postgresql)
        found = statements.execute(question.sql, [*question.records(rows), *params])
        names, loaded = question.names, question.loaded
        return [_instance(self._model, dict(zip(names, loaded(row), strict=True)), is_stored=True) for row in found]

    def _prepare(self, for_postgresql: bool) -> _Question:
        meta = self._model._meta
        quote = connection.ops.quote_name
        names = (self._only or {field.attname for field in meta.concrete_fields}) - self._without
        fields = [field for field in meta.concrete_fields if field.attname in names]
        keys = [cast("Field", meta.get_field(name)) for name in self._by]
        by = [_column(field) for field in keys]
        matches = " AND ".join(f"t.{quote(name)} = wanted.{name}" for name, _ in by)
        sql = (
            f"SELECT {', '.join(f't.{quote(str(field.column))}' for field in fields)} "  # noqa: S608 - our names
            f"FROM {statements.recordset('wanted', [*by, *self._given])} CROSS JOIN {quote(meta.db_table)} AS t "
            f"WHERE {matches}{f' AND {self._also}' if self._also else ''} ORDER BY t.{quote(str(meta.pk.column))}"
        )
        if self._is_locking and connection.features.has_select_for_update:
            sql += " FOR NO KEY UPDATE OF t"
        columns, attributes = [*by, *self._given], [field.attname for field in fields]
        question = _Question(sql, columns, keys, attributes, _converters(fields), for_postgresql)
        self._prepared[for_postgresql] = question
        return question


@dataclass(frozen=True, slots=True)
class _Question:
    sql: str
    columns: list[Column]  # of the set that is wanted
    keys: list[Field]  # the first of these
    names: list[str]  # of the attributes, in the order of the answer
    converters: list[tuple[int, Field, list[Callable[..., Any]]]]  # of the columns that need one
    for_postgresql: bool

    def records(self, rows: Sequence[Row]) -> tuple[str, int]:
        if not self.for_postgresql:  # SQLite keeps a UUID, say, as a text of its own
            count = len(self.keys)
            rows = [
                (
                    *(field.get_db_prep_value(value, connection) for field, value in zip(self.keys, row, strict=False)),
                    *row[count:],
                )
                for row in rows
            ]
        return statements.records(self.columns, rows)

    def loaded(self, row: Row) -> Row:
        if not self.converters:
            return row
        values = list(row)
        for index, field, converters in self.converters:
            for convert in converters:
                values[index] = convert(values[index], field.cached_col, connection)
        return tuple(values)


@dataclass(frozen=True, slots=True)
class _Writing:
    """One statement that writes rows of a model, its text made once."""

    sql: str
    columns: list[Column]
    fields: list[Field]
    for_postgresql: bool

    def run(self, rows: Iterable[Any]) -> None:
        if self.for_postgresql:
            members = [(column, field.attname) for (column, _), field in zip(self.columns, self.fields, strict=True)]
            said = [{column: getattr(row, attribute) for column, attribute in members} for row in rows]
            statements.execute(self.sql, (orjson.dumps(said).decode(), len(said)))
            return
        with connection.cursor() as cursor:
            cursor.executemany(self.sql, [self._values(row) for row in rows])

    def _values(self, row: Any) -> list[Any]:
        """As the database's driver takes them."""
        return [field.get_db_prep_save(getattr(row, field.attname), connection) for field in self.fields]


@cache
def _insertion(model: type[models.Model], has_key: bool, ignore_conflicts: bool, for_postgresql: bool) -> _Writing:
    fields = [field for field in model._meta.concrete_fields if has_key or not isinstance(field, models.AutoField)]
    columns = [_column(field) for field in fields]
    names = ", ".join(name for name, _ in columns)
    if for_postgresql:
        values = f"SELECT {names} FROM {statements.recordset('v', columns)}"  # noqa: S608 - our names
    else:
        values = f"VALUES ({', '.join(['%s'] * len(columns))})"
    conflicts = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    return _Writing(f"INSERT INTO {_table(model)} ({names}) {values}{conflicts}", columns, fields, for_postgresql)


@cache
def _rewriting(
    model: type[models.Model], changed: tuple[str, ...], found_by: tuple[str, ...], for_postgresql: bool
) -> _Writing:
    table, by = _table(model), (model._meta.pk.attname, *found_by)
    fields = [cast("Any", model._meta.get_field(name)) for name in (*changed, *by)]
    columns = [_column(field) for field in fields]
    names = [name for name, _ in columns]
    new, keys = names[: len(changed)], names[len(changed) :]
    if for_postgresql:
        sql = (
            f"UPDATE {table} SET {', '.join(f'{name} = v.{name}' for name in new)} "  # noqa: S608 - our names
            f"FROM {statements.recordset('v', columns)} "
            f"WHERE {' AND '.join(f'{table}.{key} = v.{key}' for key in keys)}"
        )
    else:
        settings = ", ".join(f"{name} = %s" for name in new)
        where = " AND ".join(f"{name} = %s" for name in keys)
        sql = f"UPDATE {table} SET {settings} WHERE {where}"  # noqa: S608
    return _Writing(sql, columns, fields, for_postgresql)


@cache
def _removing(model: type[models.Model], for_postgresql: bool) -> tuple[str, list[Column]]:
    columns = [_column(model._meta.pk)]
    name, _ = columns[0]
    gone = statements.recordset("v", columns)
    return f"DELETE FROM {_table(model)} WHERE {name} IN (SELECT {name} FROM {gone})", columns  # noqa: S608 - our names


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: Field) -> Column:
    kind = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
    return str(field.column), str(kind)


def _converters(fields: Sequence[Field]) -> list[tuple[int, Field, list[Callable[..., Any]]]]:
    needed = []
    for index, field in enumerate(fields):
        found = [*connection.ops.get_db_converters(field.cached_col), *field.get_db_converters(connection)]
        if found:
            needed.append((index, field, found))
    return needed
