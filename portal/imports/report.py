"""What a table would do, and what is wrong with it, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.utils.translation import gettext

from portal.sheets import Line, Sheet, Unreadable

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Finding:
    """A cell that cannot be taken: where it is, what it says, and what to do about it."""

    row: int
    column: str
    value: str
    remedy: str


@dataclass(slots=True)
class Report(Generic[Entry]):
    """``new`` and ``changed`` are what would be written; ``same`` counts rows that say what is so already."""

    new: list[Entry] = field(default_factory=list)
    changed: list[Entry] = field(default_factory=list)
    same: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.new) + len(self.changed)

    @property
    def wrong_rows(self) -> int:
        return len({finding.row for finding in self.findings})


class Complaints:
    """Collects the findings of one row."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.findings: list[Finding] = []

    def add(self, column: str, value: str, remedy: str) -> None:
        # A password must not be shown again, not even a wrong one.
        shown = "" if column == "password" else value[:80]
        self.findings.append(Finding(self._line.number, column, shown, remedy))


def need(sheet: Sheet, column: str, example: str) -> None:
    """Raises Unreadable if the table has no such column."""
    if column not in sheet.heads:
        raise Unreadable(
            gettext(
                "There is no column {column!r}; the file has {names}. Its first row has to name the columns, as "
                "in {example}."
            ).format(column=column, names=", ".join(filter(None, sheet.heads)), example=example)
        )


def unread(sheet: Sheet, known: Iterable[str]) -> list[str]:
    """A sentence about the columns that mean nothing to us, if there are any."""
    others = [head for head in sheet.heads if head and head not in set(known)]
    return [gettext("Not read: {names}.").format(names=", ".join(others))] if others else []
