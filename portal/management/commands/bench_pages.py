"""`python3 manage.py bench_pages`: what each page of the desk costs with full books; touches no yard of yours."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench.yard import PARTS, YardFailed, figures
from portal.supervisor.parts import PartMissing
from portal.supervisor.stack import StartFailed

GOAL_MS = 300.0


class Command(BaseCommand):
    help = "Measure each page of the desk on a temporary database with full books: server time and number of queries."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--chargers", type=int, default=10_000)
        parser.add_argument("--sessions", type=int, default=1_000_000)
        parser.add_argument("--repeats", type=int, default=20, help="of each page (default 20)")
        parser.add_argument(
            "--parts", choices=PARTS, default="production",
            help="embedded: SQLite; production: the PostgreSQL of this machine (default)",
        )  # fmt: skip
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, the slowest query too")

    def handle(self, **options: Any) -> None:
        sizes = [str(options[name]) for name in ("chargers", "sessions", "repeats")]
        self.stdout.write(f"  {sizes[0]} chargers, {sizes[1]} sessions, {options['parts']} database; filling it …")
        try:
            pages = figures("portal.bench.pages", sizes, parts=options["parts"])
        except (PartMissing, StartFailed, YardFailed) as error:
            raise CommandError(str(error)) from error
        for line in lines(pages):
            self.stdout.write(f"  {line}")
        if options["json"]:
            options["json"].write_text(json.dumps(pages, indent=1))


def lines(pages: list[dict[str, Any]]) -> Iterator[str]:
    """A table, and whether the goal is met."""
    yield f"{'page':<28}{'p50':>9}{'p95':>9}{'processor':>12}{'queries':>9}{'KiB':>7}"
    for page in pages:
        mark = "  over the goal" if page["p95_ms"] > GOAL_MS else ""
        yield (
            f"{page['page']:<28}{page['p50_ms']:>6.0f} ms{page['p95_ms']:>6.0f} ms{page['cpu_ms']:>9.0f} ms"
            f"{page['queries']:>9}{page['bytes'] / 1024:>7.0f}{mark}"
        )
    over = sum(page["p95_ms"] > GOAL_MS for page in pages)
    yield f"{len(pages)} pages; " + (f"{over} over {GOAL_MS:.0f} ms" if over else f"all within {GOAL_MS:.0f} ms at p95")
