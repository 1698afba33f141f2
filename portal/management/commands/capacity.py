"""`capacity`: what that many chargers need on AWS, what ends first, and what it costs. No yard needed."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.capacity import figures, report
from portal.capacity.plan import APART, IOT_CORE, OWN, plan


class Command(BaseCommand):
    help = "Computes processes, limits and costs for a number of chargers, from measured figures (docs/scaling.md)."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chargers", type=int, required=True, help="how many, e.g. 5000")
        parser.add_argument(
            "--heartbeat",
            type=int,
            default=figures.HEARTBEAT_INTERVAL_S,
            metavar="SECONDS",
            help=f"HEARTBEAT_INTERVAL_S (default {figures.HEARTBEAT_INTERVAL_S})",
        )
        parser.add_argument(
            "--connectors", type=int, default=figures.CONNECTORS, help=f"per charger (default {figures.CONNECTORS})"
        )
        parser.add_argument(
            "--samples",
            type=int,
            default=figures.SAMPLE_INTERVAL_S,
            metavar="SECONDS",
            help=f"between two meter values of a session (default {figures.SAMPLE_INTERVAL_S})",
        )
        parser.add_argument(
            "--broker", choices=[IOT_CORE, OWN, APART], default="", help="if not that of the parameter set for so many"
        )
        parser.add_argument(
            "--zones", type=int, choices=[1, 2], default=0, help="2: the yard outlives one; if not as for so many"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, chargers: int, heartbeat: int, connectors: int, samples: int, **options: Any) -> None:
        habits = {"heartbeat_s": heartbeat, "connectors": connectors, "sample_s": samples}
        try:
            made = plan(chargers, zones=options["zones"], broker=options["broker"], **habits)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(report.facts(made)) if options["json"] else report.text(made))
