from __future__ import annotations

import contextlib
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo, available_timezones

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal import dumps, sheets
from portal.imports.steve import books, judging


class Command(BaseCommand):
    help = (
        "Bring in what SteVe has kept: chargers with their places, id tags, transactions that are over, out of a dump "
        "of its database. Says what it would do; writes only with --write. Safe to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="What mysqldump has written, also packed by gzip; - for standard input.")
        parser.add_argument("--write", action="store_true", help="Do it; without, it is only told.")
        parser.add_argument(
            "--timezone", default="UTC", metavar="ZONE",
            help="of times in a dump that does not say that they are UTC, e.g. Europe/Berlin",
        )  # fmt: skip

    def handle(self, *, file: str, write: bool, **options: Any) -> None:
        zone = options["timezone"]
        if zone not in available_timezones():
            raise CommandError(f"{zone!r} is no time zone name; it looks like Europe/Berlin.")
        try:
            with timezone.override(ZoneInfo(zone)), _opened(file) as stream:
                report = judging.judge(books.read(stream))
        except (OSError, EOFError, zlib.error, sheets.Unreadable) as error:
            raise CommandError(str(error)) from error
        for note in report.notes:
            self.stdout.write(note)
        for found in report.findings:
            self.stdout.write(f"{found.column} of row {found.row}, {found.value!r}: {found.remedy}")
        if not write:
            self.stdout.write(f"{report.count} rows can be brought in. Nothing is written yet; add --write.")
            return
        made = judging.carry_out(report)
        self.stdout.write(f"{report.count} rows brought in.")
        if made:
            self.stdout.write("Passwords, kept as hashes only; note them now:")
            for row in made:
                self.stdout.write(sheets.line_of(row).strip())


@contextlib.contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    if file == "-":
        yield dumps.opened(sys.stdin.buffer, may_be_packed=True)
        return
    with Path(file).open("rb") as raw:
        yield dumps.opened(raw, may_be_packed=True)
