"""Lists as CSV files: all rows that a URL's filters match, in its order, however many they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone, translation

from portal import sheets
from portal.views.columns import Column

PORTION = 500  # SQLite takes only so many parameters


def stream(
    request: HttpRequest, name: str, rows: QuerySet[Any], columns: Sequence[Column], *, details: Callable[..., Any]
) -> StreamingHttpResponse:
    """``rows`` in their order; ``details``: what of a queryset's rows a file needs beside them.

    The keys are read at once, the rows as the browser takes them: a file of a million rows needs no memory for them.
    """
    keys = list(rows.values_list("pk", flat=True))
    zone = timezone.get_current_timezone()

    def portion(keys: list[Any]) -> str:
        with timezone.override(zone), translation.override("en"):  # whoever reads the file may be a program
            found = {row.pk: row for row in details(rows.model._default_manager.filter(pk__in=keys))}
            # One that was deleted meanwhile is left out.
            return "".join(_line(found[key], columns) for key in keys if key in found)

    response = StreamingHttpResponse(_parts(keys, columns, portion), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response


async def _parts(keys: list[Any], columns: Sequence[Column], portion: Callable[[list[Any]], str]) -> AsyncIterator[str]:
    yield "\ufeff" + sheets.line_of(column.key for column in columns)  # Excel takes it for UTF-8 by its first sign
    for some in _portions(keys):
        yield await sync_to_async(portion)(some)


def _portions(keys: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(keys), PORTION):
        yield keys[start : start + PORTION]


def _line(row: Any, columns: Sequence[Column]) -> str:
    return sheets.line_of(column.cell(row) for column in columns)
