"""`python3 manage.py drill`: kill each process in turn under a charging fleet, then compare what was confirmed with
what is stored. Runs a yard of its own in a temporary folder; yours is not touched."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.drill import ledger, victims
from portal.supervisor import ports

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
        with tempfile.TemporaryDirectory(prefix="chargeyard-drill-") as home:
            self._run(Path(home), options["minutes"] * 60, options["every"])

    def _run(self, home: Path, for_s: float, every_s: float) -> None:
        env = {**os.environ, "CHARGEYARD_HOME": str(home)}
        port = ports.free()
        yard = _start(env, "up", "--port", str(port), "--no-demo", log=home / "up.log")
        try:
            _wait_ready(port, yard, home)
            subprocess.run([sys.executable, "manage.py", "demo"], cwd=settings.BASE_DIR, env=env, check=True)
            fleet = _start(
                env, "simulate", "--url", f"ws://127.0.0.1:{port}/ocpp", "--fleet", str(home / "demo-fleet.json"),
                "--ledger", str(home / "ledger.jsonl"), "--day-length", "120", log=home / "fleet.log",
            )  # fmt: skip
            try:
                self._kill_in_turn(yard.pid, for_s, every_s)
                self.stdout.write(f"  quiet for {SETTLE_S:.0f} s, so that chargers come back and queues drain")
                time.sleep(SETTLE_S)
            finally:
                _stop(fleet)
            compared = subprocess.run(
                [sys.executable, "manage.py", "drill", "--compare", str(home / "ledger.jsonl")],
                cwd=settings.BASE_DIR, env=env, check=False,
            )  # fmt: skip
        finally:
            _stop(yard)
        if compared.returncode:
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


def _start(env: dict[str, str], *words: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words], cwd=settings.BASE_DIR, env=env,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def _wait_ready(port: int, yard: subprocess.Popen[bytes], home: Path) -> None:
    for _ in range(480):
        if yard.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise CommandError(f"The yard of the drill did not start:\n{(home / 'up.log').read_text()}")
