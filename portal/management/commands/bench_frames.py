"""`python3 manage.py bench_frames`: what a frame costs before the database is asked, in microseconds."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench import micro


class Command(BaseCommand):
    help = "Measure schema validation and dispatch without the database; exit 1 if a figure misses its goal."
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        logging.disable(logging.INFO)  # a log line costs what its reader costs
        figures = micro.validation() + micro.dispatching()
        for figure in figures:
            goal = f", goal {figure.goal:.0f}" if figure.goal else ""
            missed = "" if figure.is_met else "  MISSED"
            self.stdout.write(f"  {figure.what:64} {figure.microseconds:7.1f} µs{goal}{missed}")
        if misses := sum(not figure.is_met for figure in figures):
            raise CommandError(f"{misses} of {len(figures)} figures miss their goal.")
