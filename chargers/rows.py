"""Writing many rows at once, and the keys by which a row is known again."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, cast
from uuid import UUID

from django.db import connection, models


def digest(*parts: Any) -> UUID:
    """A key for facts that have no id of their own: the same parts give the same key, in any process and version."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return UUID(bytes=blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())


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
    return text[: cast("models.Field[Any, Any]", model._meta.get_field(column)).max_length]


def insert(rows: Sequence[models.Model]) -> None:
    """Store new rows of one model, whose primary keys nobody asks for: COPY on PostgreSQL, one INSERT elsewhere.

    Django's own bulk INSERT hands PostgreSQL an array for each column; escaping the quotes of a frame in it takes
    longer than all else that a row costs.
    """
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows)
        return
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    sql = f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in rows:
            copy.write_row([field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields])


def rewrite(rows: Collection[models.Model], columns: Sequence[str], *, found_by: Sequence[str] = ()) -> None:
    """Save ``columns`` of rows of one model that differ from row to row: one prepared statement, one round trip.

    ``found_by``: more columns that tell where the row is, beside its primary key: that of its partition.
    What `bulk_update` does with a CASE over all rows, which takes Django longer to build than the database to execute.
    """
    if not rows:
        return
    meta = next(iter(rows))._meta
    fields = [cast("models.Field[Any, Any]", meta.get_field(column)) for column in columns]
    quote = connection.ops.quote_name
    settings = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    keys = [cast("models.Field[Any, Any]", field) for field in (meta.pk, *map(meta.get_field, found_by))]
    where = " AND ".join(f"{quote(str(field.column))} = %s" for field in keys)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(meta.db_table)} SET {settings} WHERE {where}",  # noqa: S608 (our names)
            [
                [field.get_db_prep_save(getattr(row, field.attname), connection) for field in (*fields, *keys)]
                for row in rows
            ],
        )
