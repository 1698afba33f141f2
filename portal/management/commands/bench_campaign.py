"""`python3 manage.py bench_campaign`: what a firmware campaign costs with a large fleet; touches no yard of yours."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench.yard import PARTS, YardFailed, figures
from portal.supervisor.parts import PartMissing
from portal.supervisor.stack import StartFailed


class Command(BaseCommand):
    help = "Play a firmware campaign over a whole fleet on a temporary database: processor time and statements a look."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--chargers", type=int, default=10_000)
        parser.add_argument("--at-once", type=int, default=500, help="how many may update at once (default 500)")
        parser.add_argument(
            "--parts", choices=PARTS, default="production",
            help="embedded: SQLite; production: the PostgreSQL of this machine (default)",
        )  # fmt: skip

    def handle(self, **options: Any) -> None:
        sizes = [str(options["chargers"]), str(options["at_once"])]
        self.stdout.write(f"  {sizes[0]} chargers, {sizes[1]} at once, {options['parts']} database; filling it …")
        try:
            told = figures("portal.bench.campaign", sizes, parts=options["parts"], needs_redis=True)
        except (PartMissing, StartFailed, YardFailed) as error:
            raise CommandError(str(error)) from error
        page = told["page"]
        for what, said in (
            ("to begin it", f"{told['start_ms']:.0f} ms of the processor"),
            ("looks at it", f"{told['looks']}"),
            ("a look at it", f"{told['cpu_ms_mean']:.0f} ms, {told['cpu_ms_largest']:.0f} the most"),
            ("", f"{told['statements_mean']:.0f} statements, {told['statements_most']} the most"),
            ("its page", f"{page['cpu_ms_mean']:.0f} ms, {page['cpu_ms_largest']:.0f} the most"),
            ("", f"{page['statements_most']} statements"),
            ("it ended", f"{told['ended']}; {told['states']}"),
        ):
            self.stdout.write(f"  {what:<14}{said}")
