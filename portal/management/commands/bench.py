"""`python3 manage.py bench`: connect, idle, load and hardship on a temporary yard; a table, and JSON on request."""

from __future__ import annotations

import json
import os
import platform
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench import measure, ordeals, report, targets, yard
from portal.bench.crew import Crew, GeneratorLost
from portal.supervisor.parts import PartMissing
from portal.supervisor.stack import StartFailed

PHASES = ("idle", "mix", "peak", "pages", "flood", "storm", "leave", "plain")
# Those that want sessions at work; for the others chargers that are connected will do.
NEED_SESSIONS = {"mix", "peak", "pages", "flood"}
IDLE_S = 45.0  # each is pinged twice
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
        parser.add_argument("--sessions", type=int, default=0, help="of the past, in the books")
        parser.add_argument(
            "--gateways", type=int, default=0, help="processes for chargers only (default: one for all)"
        )
        parser.add_argument("--rate", type=float, help="CALLs offered a second in the mix (default 800)")
        parser.add_argument("--seconds", type=float, help="length of the mix (default 60); others are shorter")
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

    _broken_off = ""

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
            "gateways": options["gateways"],
            **plan,
        }
        self._say(
            f"{plan['chargers']:,} chargers, {options['parts']} parts, {os.cpu_count()} cores, "
            f"load of the machine before: {os.getloadavg()[0]:.1f}"
        )
        try:
            results = {}
            if set(phases) - {GROWTH}:
                with yard.running(options["parts"], gateways=options["gateways"]) as site:
                    chosen = {"registered": options["registered"], "sessions": options["sessions"]}
                    results = self._run(site, phases, plan, **chosen)
            if GROWTH in phases:
                results["growth"] = self._grow(options["registered"] or 100_000, options["meter_values"], plan)
        except (PartMissing, StartFailed, yard.YardFailed, GeneratorLost) as error:
            raise CommandError(str(error)) from error
        self._say("")
        judged = list(targets.verdicts(results, parts=options["parts"], chargers=plan["chargers"]))
        for line in (*report.lines(results), *targets.lines(judged)):
            self._say(line)
        if options["json"]:
            told = began | {"results": results, "targets": [verdict.dump() for verdict in judged]}
            options["json"].write_text(json.dumps(told, indent=1))
        if self._broken_off:
            raise CommandError(self._broken_off)

    def _run(
        self, site: yard.Yard, phases: Sequence[str], plan: dict[str, Any], *, registered: int, sessions: int
    ) -> dict[str, Any]:
        chargers, rate, seconds = int(plan["chargers"]), plan["rate"], plan["seconds"]
        short_s = min(20.0, seconds)
        flood_rounds = ordeals.FLOOD_ROUNDS if seconds >= FULL["seconds"] else 1
        others = chargers  # numbers of those that dial when the first have left
        spare = chargers * (2 if "leave" in phases else 1)  # …and of three that belong to no crew
        site.enrol(max(registered, spare + 3), sessions=sessions)
        self._say("yard is up, chargers are registered")
        results: dict[str, Any] = {}
        if set(phases) - {"plain", GROWTH}:
            with Crew(chargers, ports=site.doors, password=site.password) as crew:
                script = "opening" if NEED_SESSIONS & set(phases) else "silence"
                steps: dict[str, Callable[[], measure.Result]] = {
                    "idle": lambda: measure.idle(crew, chargers, min(IDLE_S, seconds)),
                    "mix": lambda: measure.mix(crew, site, rate, seconds),
                    "peak": lambda: measure.peak(crew, chargers, short_s),
                    "pages": lambda: ordeals.pages(crew, site, rate, seconds, number=spare),
                    "flood": lambda: ordeals.flood(crew, site, rate, short_s, first=spare + 1, rounds=flood_rounds),
                    "storm": lambda: ordeals.storm(crew, site, chargers),
                    "leave": lambda: ordeals.leave(crew, site, chargers, first=others),
                }
                results["arrival"] = self._told("arrival", measure.arrival(crew, chargers, script=script))
                site.take_statistics()
                for phase, step in steps.items():
                    if phase not in phases:
                        continue
                    try:
                        results[phase] = self._told(phase, step())
                    except Exception as error:  # what others have measured, for minutes, is told all the same
                        self._broken_off = f"{phase} broke off: {type(error).__name__}: {error}"
                        self._say(self._broken_off)
                        return results
                crew.do("leave")
        if "plain" in phases:
            results |= self._plain(site, min(chargers, PLAIN_CHARGERS), min(rate, PLAIN_RATE), short_s)
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
            with Crew(chargers, ports=site.doors, password=site.password) as crew:
                measure.arrival(crew, chargers)
                site.take_statistics()
                seen = measure.growth(crew, site, plan["rate"], plan["seconds"], age)
                crew.do("leave")
        size = {"chargers": chargers, "registered": registered, "meter_values": meter_values}
        return self._told(GROWTH, size | seen)

    def _plain(self, site: yard.Yard, chargers: int, rate: float, seconds: float) -> dict[str, Any]:
        with site.plain_variant() as port, Crew(chargers, ports=[port], password=site.password) as crew:
            measure.arrival(crew, chargers, window=PLAIN_WINDOW)
            return {
                "plain_mix": self._told("plain mix", measure.plain_mix(crew, rate, seconds)),
                "plain_peak": self._told("plain peak", measure.peak(crew, chargers, seconds)),
            }

    def _told(self, phase: str, result: dict[str, Any]) -> dict[str, Any]:
        self._say(f"{phase} done")
        return result

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}".rstrip())
        self.stdout.flush()
