"""Tables as people exchange them: CSV out that no spreadsheet executes, CSV in whatever program wrote it.

Knows no model and no request.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

LARGEST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 50_000
# What makes Excel, Calc and Sheets read a cell as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the last as a full-width keyboard types them
# What steers a terminal in which somebody looks at a file, or turns the order of its signs.
STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
EMPTY = {"", "NULL", "\\N"}  # MySQL writes NULL and \N


class Unreadable(ValueError):
    """The file is no table that we can read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table. ``number``: as a spreadsheet counts it, the heads are row 1."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    heads: list[str]
    lines: list[Line]


def text_of(value: Any) -> str:
    """A value as a cell: moments in ISO 8601, yes and no, and text that stays text wherever it is opened."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, int | float):
        return str(value)
    text = STEERING.sub("\ufffd", str(value).replace("\0", ""))
    return f"'{text}" if text.startswith(FORMULA) else text


def line_of(values: Iterable[Any]) -> str:
    """One line of CSV (RFC 4180)."""
    written = io.StringIO()
    csv.writer(written).writerow([text_of(value) for value in values])
    return written.getvalue()


def read(content: bytes) -> Sheet:
    """Raises Unreadable. The delimiter may be a comma, a semicolon or a tab; heads are compared in small letters."""
    if len(content) > LARGEST_BYTES:
        raise Unreadable(
            gettext("The file has {size_mb:.1f} MB; 5 MB are the most. Split it.").format(size_mb=len(content) / 2**20)
        )
    text = decoded(content)
    if "\0" in text:
        raise Unreadable(
            gettext("The file is no text; save the table as CSV (a spreadsheet's own format cannot be read).")
        )
    rows = _rows(text)
    heads = [_unquoted(head).strip().casefold() for head in next(rows, [])]
    if not any(heads):
        raise Unreadable(gettext("The file is empty; its first row has to name the columns."))
    if twice := {head for head in heads if head and heads.count(head) > 1}:
        raise Unreadable(gettext("The column {column!r} is there twice; keep one of them.").format(column=min(twice)))
    return Sheet(heads, list(_lines(heads, rows)))


def _lines(heads: list[str], rows: Iterator[list[str]]) -> Iterator[Line]:
    for number, row in enumerate(rows, start=2):
        if number > MOST_ROWS + 1:
            raise Unreadable(gettext("The file has more than {most:,} rows; split it.").format(most=MOST_ROWS))
        cells = {head: _unquoted(cell) for head, cell in zip(heads, row, strict=False) if head}
        if any(cells.values()):
            yield Line(number, cells)


def _rows(text: str) -> Iterator[list[str]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise Unreadable(
            gettext("This is not CSV: {error}. Save the table as CSV once more.").format(error=error)
        ) from error


def decoded(content: bytes) -> str:
    """The text of a file, whichever program wrote it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")  # Excel on Windows


def _unquoted(cell: str) -> str:
    """A cell without what `text_of` put before it, and without what a database writes for nothing."""
    cell = cell.strip(" ")
    if cell.startswith("'") and cell[1:].startswith(FORMULA):
        cell = cell[1:]
    return "" if cell in EMPTY else cell
