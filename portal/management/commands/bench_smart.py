"""`python3 manage.py bench_smart`: what smart charging reaches, with the target beside each figure."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from gateway.collector import keep_collector_off
from portal.bench import servers
from portal.supervisor.parts import PartMissing
from smartcharging import largesite, replay
from smartcharging.allocation import Network, share
from smartcharging.composite import Running, Station, composite
from smartcharging.ledger import FLOOR_A
from smartcharging.replay import Days, Rules
from smartcharging.schedules import Profile
from smartcharging.trial import Faults, Outcome, Trial

PARTS = ("speed", "plan", "days", "month", "trial", "death")
LIMITS_KW = (30, 40, 50)
MONTH_TARGETS = {
    "any ampere, need and departure known": (Rules(), (88.0, 96.5, 99.0)),
    "whole amperes from 6, need and departure known": (Rules(is_whole=True), (84.5, 94.0, 98.5)),
    "whole amperes from 6, nothing known": (Rules(knows=False, is_whole=True), (81.5, 90.0, 95.5)),
    "with the plan ahead (HiGHS)": (Rules(looks_ahead=True), (91.0, 97.5, 99.4)),
}


class Command(BaseCommand):
    help = "Measure smart charging: speed, demand met, and seconds of overload on a site where everything breaks."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--month", type=Path, metavar="FILE", help="also play this month (acnportal's, as JSON)")
        parser.add_argument("--hours", type=float, default=24.0, help="site-hours on trial (1000 for the full proof)")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--only", action="append", choices=PARTS, default=[], help="may be given more than once")

    def handle(self, *args: Any, **options: Any) -> None:
        month = _month_in(options["month"]) if options["month"] else None
        parts = {
            "speed": lambda: self._speed(options["seed"]),
            "plan": self._plan,
            "days": self._days,
            "month": lambda: self._month(options["month"].name, month) if month else None,
            "trial": lambda: self._trial(options["hours"], options["seed"]),
            "death": lambda: self._death(options["seed"]),
        }
        for part in options["only"] or PARTS:
            parts[part]()

    def _line(self, what: str, figure: str, target: str, *, is_reached: bool | None = None) -> None:
        mark = {None: " ", True: "✓", False: "✗"}[is_reached]
        self.stdout.write(f"  {mark} {what:<62} {figure:>22}   {target}")

    def _speed(self, seed: int) -> None:
        self.stdout.write("Speed (CPU time)")
        p50, p99 = _timed(_composite_once, 60)
        self._line("composite of 20 profiles over 24 h", f"{p50:.1f} / {p99:.1f} ms", "p50 < 5 ms", is_reached=p50 < 5)
        network, upper, need = _large_site(seed)
        p50, p99 = _timed(lambda: share(network, upper, need_a=need), 100)
        self._line("share 1,000 EVSEs under 63 limits", f"{p50:.1f} / {p99:.1f} ms", "p99 < 20 ms", is_reached=p99 < 20)

    def _plan(self) -> None:
        """With the database of the settings if that is PostgreSQL, else with one for the occasion, if there is one."""
        if connection.vendor != "postgresql":
            try:
                self.stdout.write(_with_postgresql())
            except PartMissing as error:
                self.stdout.write(f"Not with PostgreSQL: {error}")
            else:
                return
        with largesite.own_database() as vendor:
            keep_collector_off()  # as in a worker
            quiet, jumping = largesite.measure()
        load = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
        self.stdout.write(f"A plan with its database (p50 / p95): {vendor}, {load}")
        self.stdout.write("  1,000 EVSEs behind 21 nodes, 300 charging, 40 settings each, an hour of readings")
        self._taken("of a quiet hour", quiet)
        self._taken("when most cars get another limit", jumping)

    def _taken(self, name: str, taken: largesite.Taken) -> None:
        """By the clock, with a site's share that got new orders: the dear part of a plan."""
        told = f"{name}, {np.median(taken.orders) / largesite.EVSES:.0%} of EVSEs ordered anew"
        p50, p95 = np.percentile(taken.ms, (50, 95))
        self._line(f"{told}: by the clock", f"{p50:.1f} / {p95:.1f} ms", "p50 < 100 ms", is_reached=bool(p50 < 100))
        p50, p95 = np.percentile(taken.cpu_ms, (50, 95))
        self._line(f"{told}: CPU, without the database's", f"{p50:.1f} / {p95:.1f} ms", "")

    def _days(self) -> None:
        self.stdout.write("Demand met on five synthetic working days, 40 EVSEs (sessions full to 95 %, pauses)")
        for limit_kw in LIMITS_KW:
            for name, (rules, _) in MONTH_TARGETS.items():
                played = replay.play(replay.synthetic(limit_kw), rules)
                figure = f"{played.met_percent:.1f} % ({played.full_percent:.0f} %, {played.pauses})"
                self._line(f"{limit_kw} kW, {name}", figure, "no limit broken", is_reached=played.worst_over_a < 1e-3)

    def _month(self, name_of_file: str, month: list[Days]) -> None:
        self.stdout.write(f"Demand met in {name_of_file}")
        for column, (limit_kw, days) in enumerate(zip(LIMITS_KW, month, strict=True)):
            for name, (rules, targets) in MONTH_TARGETS.items():
                played = replay.play(days, rules)
                is_reached = played.met_percent >= targets[column] and played.worst_over_a < 1e-3
                figure = f"{played.met_percent:.2f} %"
                self._line(f"{limit_kw} kW, {name}", figure, f"≥ {targets[column]:g} %", is_reached=is_reached)

    def _trial(self, hours: float, seed: int) -> None:
        self.stdout.write("A site of 40 chargers behind 400 A, with lost messages, reboots, wrong clocks, an outage")
        naive = Trial(faults=Faults(), seed=seed, is_naive=True).run(6 * 3600)
        self._line("for comparison, the naive way: seconds of overload in 6 h", f"{naive.overload_s} s", "")
        total = Outcome()
        used: list[float] = []
        run = 0
        while total.seconds < hours * 3600:
            one = Trial(faults=Faults(), seed=seed + run).run(6 * 3600)
            total.seconds += one.seconds
            total.overload_s += one.overload_s
            total.ledger_breaches += one.ledger_breaches
            total.messages += one.messages
            used.append(one.use)
            run += 1
        site_hours = f"{total.site_hours:,.0f} site-hours"
        self._line(f"overload in {site_hours}", f"{total.overload_s} s", "0 s", is_reached=total.overload_s == 0)
        self._line("moments with the ledger above the limit", str(total.ledger_breaches), "0",
                   is_reached=total.ledger_breaches == 0)  # fmt: skip
        self._line("use of what could be drawn (least of the runs)", f"{100 * min(used):.1f} %", "≥ 88 %",
                   is_reached=min(used) >= 0.88)  # fmt: skip
        per_hour = total.messages / total.site_hours / 40
        self._line("profiles sent per charger and hour", f"{per_hour:.1f}", "")

    def _death(self, seed: int) -> None:
        self.stdout.write("The planner is killed at a random time and stays dead")
        chance = random.Random(seed)  # noqa: S311
        late, over = 0, 0
        for run in range(5):
            dies_at = chance.randrange(1800, 5400)
            trial = Trial(faults=Faults(outage_at_s=dies_at, outage_s=1e9), seed=seed + run)
            outcome = trial.run(dies_at + 300 + 10)
            now = dies_at + 310
            late += sum(charger.limit_a(now) > FLOOR_A for charger in trial.chargers)
            over += outcome.overload_s
        self._line("chargers above their floor after a lease and 10 s (5 runs)", str(late), "0", is_reached=late == 0)
        self._line("seconds of overload until then", f"{over} s", "0 s", is_reached=over == 0)


def _with_postgresql() -> str:
    """What this bench says of plans with a database of its own. Raises PartMissing."""
    command = [sys.executable, "manage.py", "bench_smart", "--only", "plan"]
    with servers.postgres() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        told = subprocess.run(
            command, cwd=settings.BASE_DIR, env=environment, check=True, capture_output=True, text=True
        )
    return told.stdout.rstrip()


def _timed(work: Any, times: int) -> tuple[float, float]:
    """Median and 99th percentile of the CPU time, in ms."""
    took = []
    for _ in range(times):
        began = time.process_time()
        work()
        took.append(1000 * (time.process_time() - began))
    return float(np.percentile(took, 50)), float(np.percentile(took, 99))


def _composite_once() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    profiles = [
        Profile(
            number, number, ("tx", "tx_default", "charger_max", "external")[number % 4], "recurring", "daily",
            evse_id=0 if number % 4 > 1 else 1,
            schedules=[{
                "unit": "A" if number % 3 else "W", "duration_s": 40_000 + 100 * number,
                "start_at": (noon + timedelta(minutes=7 * number)).isoformat(),
                "periods": [
                    {"start_s": 3600 * n, "limit": (6 + (7 * n + number) % 30) * (1 if number % 3 else 690)}
                    for n in range(12)
                ],
            }],
        )
        for number in range(20)
    ]  # fmt: skip
    end = noon + timedelta(days=1)
    composite(profiles, Station(), evse_id=1, begin=noon, end=end, unit="A", running={1: Running(noon)})


def _large_site(seed: int) -> tuple[Network, np.ndarray, np.ndarray]:
    """1,000 EVSEs on 16 circuits of 4 panels of one connection, each with three phases."""
    chance = np.random.default_rng(seed)
    circuit, phase = chance.integers(0, 16, 1000), chance.integers(0, 3, 1000)
    is_three_phase = chance.random(1000) < 0.6
    members = [(np.ones(1000, bool), 4000.0), *((circuit // 4 == n, 1200.0) for n in range(4))]
    members += [(circuit == n, 350.0) for n in range(16)]
    rows = [here & (is_three_phase | (phase == line)) for here, _ in members for line in range(3)]
    limits = [limit for _, limit in members for _ in range(3)]
    need = np.where(chance.random(1000) < 0.7, chance.uniform(0, 30, 1000), np.nan)
    return (
        Network(np.array(rows, float), np.array(limits)),
        chance.choice([0.0, 16.0, 32.0], 1000, p=[0.1, 0.3, 0.6]),
        need,
    )


def _month_in(path: Path) -> list[Days]:
    """Its days under each limit; before anything else is measured, for that takes minutes."""
    try:
        return [replay.from_file(path, limit_kw) for limit_kw in LIMITS_KW]
    except (OSError, ValueError) as error:
        raise CommandError(str(error)) from error
