"""`python3 manage.py drill`: kill each process in turn under a charging fleet, then compare what was confirmed with
what is stored. Runs a yard of its own in a temporary folder; yours is not touched."""

from __future__ import annotations

import itertools
import os
import signal
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench.yard import Yard, YardFailed, running
from portal.drill import ledger, victims
from portal.supervisor.parts import PartMissing

VICTIMS = ("worker", "serve", "nats", "worker's child", "valkey", "beat")
SETTLE_S = 45.0  # for queues to drain after the last kill: chargers dial again with back-off


class Command(BaseCommand):
    help = "Kill each process in turn under a demo fleet; exit 1 if a confirmed record is missing or double."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--minutes", type=float, default=2.0, help="how long to go on killing (default 2)")
        parser.add_argument("--every", type=float, default=8.0, metavar="S", help="seconds between kills (default 8)")
        parser.add_argument(
            "--compare", type=Path, metavar="LEDGER", help="only compare a ledger with this yard's rows"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if options["compare"]:
            self._compare(options["compare"])
            return
        try:
            with running("embedded") as yard:
                self._drill(yard, options["minutes"] * 60, options["every"])
        except (PartMissing, YardFailed) as error:
            raise CommandError(str(error)) from error

    def _drill(self, yard: Yard, for_s: float, every_s: float) -> None:
        ledger_path = str(yard.home / "ledger.jsonl")
        fleet = ["--fleet", str(yard.home / "demo-fleet.json"), "--ledger", ledger_path, "--day-length", "120"]
        yard.manage("demo")
        with yard.beside("simulate", "--url", f"ws://127.0.0.1:{yard.port}/ocpp", *fleet):
            self._kill_in_turn(yard.process.pid, for_s, every_s)
            self.stdout.write(f"  quiet for {SETTLE_S:.0f} s, so that chargers come back and queues drain")
            self.stdout.flush()
            time.sleep(SETTLE_S)
        if yard.manage("drill", "--compare", ledger_path):
            raise CommandError("The books do not agree.")

    def _kill_in_turn(self, supervisor: int, for_s: float, every_s: float) -> None:
        end = time.monotonic() + for_s
        time.sleep(every_s)
        for part in itertools.cycle(VICTIMS):
            if time.monotonic() >= end:
                return
            pid = victims.pid_of(part, supervisor)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            self.stdout.write(f"  killed {part} ({pid})" if pid else f"  {part} is not up; next")
            self.stdout.flush()
            time.sleep(every_s)

    def _compare(self, path: Path) -> None:
        verdict = ledger.compare(ledger.read(path))
        for what, times in sorted(verdict.checked.items()):
            self.stdout.write(f"  {times:6d} × {what} confirmed and looked up")
        for line in [f"MISSING {m}" for m in verdict.missing] + [f"DOUBLE {d}" for d in verdict.double]:
            self.stdout.write(f"  {line}")
        if not verdict.is_clean:
            raise CommandError(f"{len(verdict.missing)} missing, {len(verdict.double)} double.")
        self.stdout.write("  0 missing, 0 double")
