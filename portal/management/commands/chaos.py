"""`python3 manage.py chaos`: break a yard part by part under a fleet; compare what it confirmed with what it stores."""

from __future__ import annotations

import json
import os
import platform
import random
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench.yard import PARTS, YardFailed
from portal.chaos import drama, faults, report
from portal.chaos.drama import Plan
from portal.chaos.timeline import FleetLost
from portal.supervisor.parts import PartMissing
from portal.supervisor.stack import StartFailed


class Command(BaseCommand):
    help = "Break a yard of its own part by part under a fleet; exit 1 if a promise broke. Touches no yard of yours."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--minutes", type=float, default=10.0, help="how long to go on breaking (default 10)")
        parser.add_argument("--seed", type=int, help="the same faults, records and orders again (default: a new one)")
        parser.add_argument(
            "--parts", choices=PARTS, default="embedded",
            help="embedded: SQLite, NATS, Valkey (default); production: PostgreSQL, Mosquitto, Redis of this machine",
        )  # fmt: skip
        parser.add_argument(
            "--faults", default="", metavar="A,B@SECONDS",
            help="these, in this order, once (default: all, shuffled by the seed, until time is up); --list names them",
        )  # fmt: skip
        parser.add_argument("--list", action="store_true", help="name the faults and end")
        parser.add_argument("--chargers", type=int, default=300, help="half 1.6, half 2.0.1 (default 300)")
        parser.add_argument("--rate", type=float, default=200.0, help="records that happen a second (default 200)")
        parser.add_argument("--orders", type=float, default=2.0, help="orders by REST a second (default 2)")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
        parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave histories, logs and SQLite's file there")

    def handle(self, **options: Any) -> None:
        kind = options["parts"]
        if options["list"]:
            for fault in faults.every(kind).values():
                lasts = f"{fault.lasts_s:g} s" if fault.lasts_s else ""
                self._say(f"{fault.name:28} {lasts:>6}  {fault.why_not(kind)}")
            return
        seed = options["seed"] if options["seed"] is not None else random.randrange(10**6)  # noqa: S311
        plan = Plan(
            kind,
            self._chosen(options["faults"], kind, seed),
            goes_round=not options["faults"],
            chargers=options["chargers"],
            rate=options["rate"],
            orders_per_s=options["orders"],
            seed=seed,
            for_s=options["minutes"] * 60,
            keep_in=options["keep"],
        )
        self._say(f"seed {seed}: {kind} parts, {plan.chargers} chargers, {len(plan.faults)} faults")
        began, at = time.monotonic(), datetime.now(UTC)
        try:
            outcome = drama.play(plan, lambda text: self._say(f"{time.monotonic() - began:6.1f} s  {text}"))
        except (PartMissing, StartFailed, YardFailed, FleetLost, OSError) as error:
            raise CommandError(str(error)) from error
        self._say("")
        for line in report.lines(outcome):
            self._say(line)
        if options["json"]:
            self._write(options["json"], plan, outcome, at)
        if not outcome.is_clean:
            raise CommandError(f"A promise broke; the same again: --seed {seed}.")

    def _chosen(self, names: str, kind: str, seed: int) -> list[faults.Fault]:
        try:
            if chosen := faults.chosen(names, kind):
                return chosen
        except ValueError as error:
            raise CommandError(str(error)) from error
        found = []
        for fault in faults.every(kind).values():
            if why := fault.why_not(kind):
                self._say(f"without {fault.name}: {why}")
            else:
                found.append(fault)
        random.Random(seed).shuffle(found)  # noqa: S311
        return found

    def _write(self, path: Path, plan: Plan, outcome: drama.Outcome, at: datetime) -> None:
        told = {
            "schema": "chargeyard.chaos.v1",
            "at": at.isoformat(timespec="seconds"),
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "parts": plan.kind,
            "seed": plan.seed,
            "chargers": plan.chargers,
            "rate": plan.rate,
            "faults": [fault.name for fault in plan.faults],
        }
        path.write_text(json.dumps(told | drama.as_dict(outcome), indent=1))

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}".rstrip())
        self.stdout.flush()
