"""`python3 manage.py bench`: connect, idle, load, peak and storm on a temporary yard; a table, and JSON on request."""

from __future__ import annotations

import json
import os
import platform
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench import measure, report, yard
from portal.bench.crew import Crew, GeneratorLost
from portal.supervisor.parts import PartMissing
from portal.supervisor.stack import StartFailed

PHASES = ("idle", "mix", "peak", "storm", "plain")
GROWTH = "growth"  # only when it is asked for: it takes minutes and many gigabytes
QUICK = {"chargers": 200, "rate": 200.0, "seconds": 4.0}
FULL = {"chargers": 5000, "rate": 800.0, "seconds": 60.0}
# What the plain design can bear: with more, CALLs wait for longer than the gateway does until it sends them again, and
# the repeats take what is left of it.
PLAIN_CHARGERS = 100
PLAIN_WINDOW = 20
PLAIN_RATE = 50.0


class Command(BaseCommand):
    help = "Measure what a yard on this machine can do, beside one Celery task per frame; touches no yard of yours."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help="200 chargers, 200 CALLs/s, phases of 4 s")
        parser.add_argument("--chargers", type=int, help="connected at once (default 5000)")
        parser.add_argument("--registered", type=int, default=0, help="in the books, if more than connect")
        parser.add_argument("--rate", type=float, help="CALLs offered a second in the mix (default 800)")
        parser.add_argument("--seconds", type=float, help="length of the mix; other phases up to 20 (default 60)")
        parser.add_argument(
            "--parts", choices=yard.PARTS, default="embedded",
            help="embedded: SQLite, NATS, Valkey (default); production: PostgreSQL, Mosquitto, Redis of this machine",
        )  # fmt: skip
        parser.add_argument(
            "--only", choices=(*PHASES, GROWTH), action="append", help="this phase only; may be given again"
        )
        parser.add_argument(
            "--meter-values", type=int, default=50_000_000,
            help="of the old yard in growth (default 50 million: some 40 GB in TMPDIR)",
        )  # fmt: skip
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")

    def handle(self, **options: Any) -> None:
        plan = (QUICK if options["quick"] else FULL) | {
            name: options[name] for name in FULL if options[name] is not None
        }
        phases = options["only"] or PHASES
        if GROWTH in phases and options["parts"] != "production":
            raise CommandError("A yard is aged on PostgreSQL: say --parts production with --only growth.")
        began = {
            "schema": "chargeyard.bench.v1",
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "parts": options["parts"],
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": os.getloadavg()},
            **plan,
        }
        self._say(
            f"{plan['chargers']:,} chargers, {options['parts']} parts, {os.cpu_count()} cores, "
            f"load of the machine before: {os.getloadavg()[0]:.1f}"
        )
        try:
            results = self._run(phases, options["parts"], max(plan["chargers"], options["registered"]), plan)
            if GROWTH in phases:
                results["growth"] = self._grow(options["registered"] or 100_000, options["meter_values"], plan)
        except (PartMissing, StartFailed, yard.YardFailed, GeneratorLost) as error:
            raise CommandError(str(error)) from error
        self._say("")
        for line in report.lines(results):
            self._say(line)
        if options["json"]:
            options["json"].write_text(json.dumps(began | {"results": results}, indent=1))

    def _run(self, phases: Any, parts: str, registered: int, plan: dict[str, Any]) -> dict[str, Any]:
        chargers, seconds = int(plan["chargers"]), plan["seconds"]
        short_s = min(20.0, seconds)
        results: dict[str, Any] = {}
        if not set(phases) - {GROWTH}:
            return results
        with yard.running(parts) as site:
            site.enrol(registered)
            self._say("yard is up, chargers are registered")
            if set(phases) - {"plain", GROWTH}:
                with Crew(chargers, port=site.port, password=site.password) as crew:
                    results["arrival"] = self._told("arrival", measure.arrival(crew, chargers))
                    if "idle" in phases:
                        results["idle"] = self._told("idle", measure.idle(crew, short_s))
                    if "mix" in phases:
                        results["mix"] = self._told("mix", measure.mix(crew, plan["rate"], seconds))
                    if "peak" in phases:
                        results["peak"] = self._told("peak", measure.peak(crew, chargers, short_s))
                    if "storm" in phases:
                        results["storm"] = self._told("storm", measure.storm(crew, site, chargers))
                    crew.do("leave")
            if "plain" in phases:
                results |= self._plain(site, min(chargers, PLAIN_CHARGERS), min(plan["rate"], PLAIN_RATE), short_s)
        return results

    def _grow(self, registered: int, meter_values: int, plan: dict[str, Any]) -> dict[str, Any]:
        """On a yard of its own, that of the other phases has a past already."""
        chargers = int(plan["chargers"])

        def age() -> None:
            site.enrol(registered, first=chargers)
            site.age(meter_values)
            self._say(f"the yard is old: {registered:,} chargers, {meter_values:,} meter values")

        with yard.running("production") as site:
            site.enrol(chargers)
            with Crew(chargers, port=site.port, password=site.password) as crew:
                measure.arrival(crew, chargers)
                seen = measure.growth(crew, plan["rate"], plan["seconds"], age)
                crew.do("leave")
        size = {"chargers": chargers, "registered": registered, "meter_values": meter_values}
        return self._told(GROWTH, size | seen)

    def _plain(self, site: yard.Yard, chargers: int, rate: float, seconds: float) -> dict[str, Any]:
        with site.plain_variant() as port, Crew(chargers, port=port, password=site.password) as crew:
            measure.arrival(crew, chargers, window=PLAIN_WINDOW)
            return {
                "plain_mix": self._told("plain mix", measure.mix(crew, rate, seconds)),
                "plain_peak": self._told("plain peak", measure.peak(crew, chargers, seconds)),
            }

    def _told(self, phase: str, result: dict[str, Any]) -> dict[str, Any]:
        self._say(f"{phase} done")
        return result

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}".rstrip())
        self.stdout.flush()
