r"""A dump of a MySQL or MariaDB database, as `mysqldump`, phpMyAdmin and HeidiSQL write it: read, never executed.

Knows no model and no schema. Of the tables that are asked for, CREATE TABLE tells the names of the columns and INSERT
the rows; everything else is passed over, views, triggers and comments that a server would carry out among them.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from django.utils.translation import gettext

from portal.sheets import Unreadable

PORTION = 1 << 20  # characters that are read at once
# A server's own limit is 1 GiB; what `mysqldump` writes ends at some MiB, a row with a large value later.
LONGEST_STATEMENT = 1 << 26

# What may stand between apostrophes and the like. Possessive: nothing is ever read a second time.
_TEXT = r"'(?:[^'\\]++|\\.|'')*+'" + r'|"(?:[^"\\]++|\\.|"")*+"'
_NAME = r"`(?:[^`]++|``)*+`"
_COMMENT = r"/\*.*?\*/|--(?=\s)[^\n]*+|\#[^\n]*+"
_STATEMENT = re.compile(rf"(?:[^'\"`;/\#-]++|{_TEXT}|{_NAME}|{_COMMENT}|/(?!\*)|-(?!-\s))*+;", re.DOTALL)
_TOKEN = re.compile(rf"(?P<gap>\s++|{_COMMENT})|(?P<name>{_NAME}|{_TEXT})|(?P<word>[\w$]++)|(?P<sign>.)", re.DOTALL)
_VALUE = re.compile(
    rf"\s*+(?:(?:(?P<kind>_\w+|[xXbBnN])\s*+)?(?P<text>{_TEXT})|(?P<word>[\w.+-]++))\s*+(?P<sign>[,)])", re.DOTALL
)
_ROW = re.compile(r"[\s,]*+\(")
_END = re.compile(r"\s*+(?:;|ON\s+DUPLICATE\s)", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:\s++|{_COMMENT})*+", re.DOTALL)
_ID = rf'(?:{_NAME}|"[^"]+"|[\w$]+)'
_TABLE = rf"(?:{_ID}\s*\.\s*)?({_ID})\s*"
_CREATE = re.compile(rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_TABLE}\(", re.IGNORECASE)
_INSERT = re.compile(
    r"(?:INSERT|REPLACE)\s+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE)\s+)*(?:INTO\s+)?"
    rf"{_TABLE}(?:\(([^()]*)\)\s*)?VALUES?\s*",
    re.IGNORECASE,
)
# Between the two stand bodies of triggers and the like, whose statements end with something else.
_DELIMITER = re.compile(r"DELIMITER\s", re.IGNORECASE)
_DELIMITER_BACK = re.compile(r"^DELIMITER[ \t]+;[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_IS_UTC = re.compile(r"\bTIME_ZONE\s*=\s*['\"](?:\+00:00|UTC)['\"]", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_BITS = {"\0": "0", "\1": "1"}  # a column of one bit is written as its byte
_NO_COLUMN = {"PRIMARY", "UNIQUE", "KEY", "INDEX", "CONSTRAINT", "FOREIGN", "FULLTEXT", "SPATIAL", "CHECK", "PERIOD"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


class TooMany(Unreadable):
    """A table has more rows than were asked for."""


Value = str | None
Row = dict[str, Value]


@dataclass(slots=True)
class Dump:
    """``tables``: the rows of those that were asked for, as far as they are there. Numbers are text, NULL is None.

    ``others``: the names of those that were not. ``is_utc``: the dump says that its times are.
    """

    tables: dict[str, list[Row]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    is_utc: bool = False


def opened(file: Any, *, may_be_packed: bool = False) -> TextIO:
    """The text of a file of bytes, by whichever shell it was redirected: PowerShell writes UTF-16."""
    raw: Any = io.BufferedReader(file)
    if may_be_packed and raw.peek(2)[:2] == b"\x1f\x8b":
        raw = io.BufferedReader(gzip.GzipFile(fileobj=raw))
    is_utf_16 = raw.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")
    return io.TextIOWrapper(raw, encoding="utf-16" if is_utf_16 else "utf-8-sig", errors="replace")


def read(stream: TextIO, wanted: Mapping[str, Collection[str]], *, most_rows: int | None = None) -> Dump:
    """The ``wanted`` columns of the ``wanted`` tables. Raises Unreadable, also at more than ``most_rows`` of a table.

    Text that ends in the middle of a statement has been cut off: it is not read at all.
    """
    dump, columns = Dump(), dict[str, list[str]]()
    for statement in _statements(stream):
        dump.is_utc = dump.is_utc or (not dump.tables and _IS_UTC.search(statement) is not None)
        start = _start(statement)
        if created := _CREATE.match(statement, start):
            name = _unquoted(created[1]).casefold()
            columns[name] = _columns(statement, created.end())
            if name in wanted:
                dump.tables.setdefault(name, [])
            else:
                dump.others.append(name)
        elif (inserted := _INSERT.match(statement, start)) and (name := _unquoted(inserted[1]).casefold()) in wanted:
            named = _names(inserted[2]) if inserted[2] else columns.get(name)
            rows = dump.tables.setdefault(name, [])
            rows += _rows(statement, inserted.end(), name, named, wanted[name])
            if most_rows is not None and len(rows) > most_rows:
                told = gettext("The table {table} has more than {most:,} rows.")
                raise TooMany(told.format(table=name, most=most_rows))
    return dump


def _statements(stream: TextIO) -> Iterator[str]:
    """Each with its semicolon and what stands before it."""
    text, at, is_over = "", 0, False
    while True:
        found = _STATEMENT.match(text, at)
        start = _start(text, at)
        if found is not None and _DELIMITER.match(text, start):
            back = _DELIMITER_BACK.search(text, start)
            if back is not None:
                at = back.end()
                continue
            found = None
        if found is not None:
            yield found[0]
            at = found.end()
            continue
        if is_over:
            break
        text, at = text[at:], 0
        if len(text) > LONGEST_STATEMENT:
            raise Unreadable(gettext("This is no dump of MySQL or MariaDB: a statement of it has no end."))
        # As much again as there is: a long statement is looked at a few times, not once for each portion.
        more = stream.read(max(PORTION, len(text)))
        is_over = not more
        text += more
    if rest := text[start:].strip("\0\x1a"):
        told = gettext("The dump ends in the middle of a statement: {text!r}. Make it again; part of it is missing.")
        raise Unreadable(told.format(text=rest[:60]))


def _start(text: str, at: int = 0) -> int:
    """Where a statement begins, behind what stands before it."""
    found = _BEFORE.match(text, at)
    return found.end() if found else at


def _names(listed: str) -> list[str]:
    return [_unquoted(each.strip()) for each in listed.split(",")]


def _columns(statement: str, start: int) -> list[str]:
    """The names of a table's columns in their order; ``start``: behind the opening bracket."""
    names, depth, is_first = [], 0, True
    for token in _TOKEN.finditer(statement, start):
        if token["gap"]:
            continue
        if is_first and (token["name"] or (token["word"] and token[0].upper() not in _NO_COLUMN)):
            names.append(_unquoted(token[0]))
        is_first = token[0] == "," and depth == 0
        depth += (token[0] == "(") - (token[0] == ")")
        if depth < 0:
            break
    return names


def _rows(statement: str, at: int, table: str, columns: list[str] | None, wanted: Collection[str]) -> Iterator[Row]:
    """The rows behind VALUES. Raises Unreadable for what is no plain value: nothing is ever worked out."""
    if columns is None:
        told = gettext(
            "The dump does not say how the columns of {table} are called. Leave --no-create-info away, or add "
            "--complete-insert."
        )
        raise Unreadable(told.format(table=table))
    places = [(number, name) for number, name in enumerate(map(str.casefold, columns)) if name in wanted]
    while opened := _ROW.match(statement, at):
        values: list[Value] = []
        at, sign = opened.end(), ","
        while sign == ",":
            found = _VALUE.match(statement, at)
            if found is None:
                raise _no_value(table, statement[at:])
            values.append(_value(found, table))
            at, sign = found.end(), found["sign"]
        if len(values) != len(columns):
            told = gettext("A row of {table} has {count} values for {columns} columns.")
            raise Unreadable(told.format(table=table, count=len(values), columns=len(columns)))
        yield {name: values[number] for number, name in places}
    if _END.match(statement, at) is None:
        raise _no_value(table, statement[at:])


def _value(found: re.Match[str], table: str) -> Value:
    word, text = found["word"], found["text"]
    if text is not None:
        return _text(text, (found["kind"] or "").upper(), table)
    if word.upper() == "NULL":
        return None
    if word[:2].upper() == "0X":
        return _hexadecimal(word[2:], table)
    if _NUMBER.fullmatch(word) is None:
        raise _no_value(table, word)
    return word


def _text(told: str, kind: str, table: str) -> str:
    inner, quote = told[1:-1], told[0]
    if kind == "X":
        return _hexadecimal(inner, table)
    if kind == "B":
        return inner.lstrip("0") or "0"
    if quote in inner:
        inner = inner.replace(quote * 2, quote)
    if "\\" in inner:
        inner = _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), inner)
    return _BITS.get(inner, inner)


def _hexadecimal(digits: str, table: str) -> str:
    """Bytes that stand for text, as `--hex-blob` writes them."""
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        raise _no_value(table, f"0x{digits}") from None
    text = found.decode(errors="replace")
    return _BITS.get(text, text)


def _no_value(table: str, rest: str) -> Unreadable:
    told = gettext("A row of {table} holds {told!r}, which is no plain value. Only what a dump writes can be read.")
    return Unreadable(told.format(table=table, told=rest[:40]))


def _unquoted(name: str) -> str:
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in '`"' else name
