"""One run: calm, a fault, recovery, calm … to an end where everything is told; then the histories against the rows."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from portal.bench.charger import Door
from portal.bench.histogram import Histogram
from portal.bench.yard import YardFailed
from portal.chaos import building
from portal.chaos.faults import Fault, Stage
from portal.chaos.orders import Desk
from portal.chaos.site import Site
from portal.chaos.timeline import Fleet

ROOT = Path(__file__).resolve().parents[2]
ARRIVAL_S = 120.0
CALM_S = 4.0  # before and after a fault: what its answer times are compared with
RECOVERY_S = 180.0
LAST_WORDS_S = 180.0
# An order without an answer is closed after 10 s by a sweep every 5; a socket that died unnoticed ends after 20.
SETTLE_S = 60.0
# Of a disk of the database's own: at first, with its log and room for the checker to sort; and what a record comes to.
DISK_MIB, DISK_KIB_PER_RECORD = 1024, 4

Say = Callable[[str], None]


@dataclass(slots=True)
class Plan:
    kind: str  # of the parts: "embedded" or "production"
    faults: Sequence[Fault]
    goes_round: bool  # from the beginning again while there is time
    chargers: int
    rate: float  # records a second
    orders_per_s: float
    seed: int
    for_s: float
    keep_in: Path | None = None  # where to leave histories, logs and an SQLite database


@dataclass(slots=True)
class Act:
    """A fault and what came of it. Times are seconds after its part was back; None: not within `RECOVERY_S`."""

    fault: str
    lasted_s: float
    recovered_s: float | None = None  # half as much is confirmed in a second as before
    all_back_s: float | None = None  # every charger is connected
    caught_up_s: float | None = None  # and no more is queued than before
    before_ms: dict[str, float | None] = field(default_factory=dict)
    during_ms: dict[str, float | None] = field(default_factory=dict)
    after_ms: dict[str, float | None] = field(default_factory=dict)
    closes: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    burned: int = 0
    longest_away_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    acts: list[Act] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    sent: int = 0
    burned: int = 0
    unconfirmed: int = 0  # records that were still queued at the end
    figures: dict[str, int] = field(default_factory=dict)  # of the checker
    counts: dict[str, int] = field(default_factory=dict)  # breaches, by promise
    breaches: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        has_all = bool(self.figures.get("acknowledged")) and not self.unconfirmed
        return has_all and not any(self.counts.values()) and all(act.caught_up_s is not None for act in self.acts)


def play(plan: Plan, say: Say) -> Outcome:
    """Raises PartMissing, YardFailed, StartFailed or FleetLost."""
    password = f"chaos-{plan.seed}-password"
    has_disk = any(fault.name.startswith("full:disk") for fault in plan.faults)
    disk_mib = DISK_MIB + round(plan.for_s * plan.rate) * DISK_KIB_PER_RECORD // 1024
    with building.running(plan.kind, plan.chargers, password, disk_mib=disk_mib if has_disk else 0) as yard:
        say("yard is up")
        history = yard.home / "history"
        door = Door("127.0.0.1", yard.port, password)
        with (
            _kept(yard, plan.keep_in),
            Fleet(
                chargers=plan.chargers, rate=plan.rate, seed=plan.seed, door=door, history=history / "fleet.jsonl"
            ) as fleet,
        ):
            desk = Desk(
                tuple(yard.gateway_ports.values()),
                (yard.home / "api-key").read_text(),
                chargers=plan.chargers,
                per_s=plan.orders_per_s,
                seed=plan.seed,
                history=history / "orders.jsonl",
            )
            outcome = Outcome()
            _arrive(yard, fleet, say)
            desk.start()
            _act(plan, Stage(yard, fleet, Random(plan.seed)), outcome, say)  # noqa: S311 - the same run again
            desk.leave()
            finish(yard, fleet, desk, outcome, say)
            judge(yard, fleet, outcome)
    return outcome


@contextlib.contextmanager
def _kept(yard: Site, folder: Path | None) -> Iterator[None]:
    try:
        yield
    finally:
        if folder is not None:
            for name in ("history", "logs", "disk") if yard.is_embedded else ("history", "logs"):
                shutil.copytree(yard.home / name, folder / name, dirs_exist_ok=True)


def _arrive(yard: Site, fleet: Fleet, say: Say) -> None:
    if not yard.wait_until(lambda: fleet.is_quiet() and fleet.look()["acknowledged"], ARRIVAL_S):
        row = fleet.look()
        raise YardFailed(f"Only {row['connected']} of {fleet.chargers} chargers came in within {ARRIVAL_S:.0f} s.")
    say(f"{fleet.chargers} chargers are connected, {fleet.rate:g} records a second at most")


def _act(plan: Plan, stage: Stage, outcome: Outcome, say: Say) -> None:
    deadline = time.monotonic() + plan.for_s
    rounds = itertools.cycle(plan.faults) if plan.goes_round else plan.faults
    for fault in rounds:
        if time.monotonic() > deadline:
            break
        act = strike(fault, stage)
        outcome.acts.append(act)
        say(told(act))
    struck = {act.fault for act in outcome.acts}
    outcome.not_reached = [fault.name for fault in plan.faults if fault.name not in struck]


def strike(fault: Fault, stage: Stage) -> Act:
    """Let a fault happen in a calm yard and watch it recover."""
    yard, fleet, timeline = stage.site, stage.fleet, stage.fleet.timeline
    yard.wait_until(fleet.is_quiet, RECOVERY_S)
    yard.wait(CALM_S)
    began = time.monotonic()
    usual = timeline.total("acknowledged", began - CALM_S, began) / CALM_S
    fault.strike(stage, fault.lasts_s)
    back = time.monotonic()

    def recovered_s() -> float | None:
        return timeline.first("acknowledged", max(1.0, usual / 2), back)

    is_over = yard.wait_until(lambda: recovered_s() is not None and fleet.is_quiet(), RECOVERY_S)
    over = time.monotonic()
    yard.wait(CALM_S)
    until = back + (recovered_s() or RECOVERY_S)
    return Act(
        fault.name,
        round(back - began, 1),
        recovered_s=_rounded(recovered_s()),
        all_back_s=_rounded(timeline.first("connected", fleet.chargers, back)),
        caught_up_s=_rounded(over - back) if is_over else None,
        before_ms=_quantiles_ms(timeline.times(began - CALM_S, began)),
        during_ms=_quantiles_ms(timeline.times(began, max(until, began + 2))),
        after_ms=_quantiles_ms(timeline.times(over, over + CALM_S)),
        closes=timeline.counts("closes", began, over),
        refusals=timeline.counts("refusals", began, over),
        burned=timeline.total("burned", began, over),
        longest_away_s=timeline.most("longest_away_s", began, over),
    )


def told(act: Act) -> str:
    if act.caught_up_s is None:
        return f"{act.fault:24} lasted {act.lasted_s:5.1f} s; NOT RECOVERED within {RECOVERY_S:.0f} s"
    return (
        f"{act.fault:24} lasted {act.lasted_s:5.1f} s; confirmed again after {act.recovered_s} s, "
        f"all connected {act.all_back_s} s, caught up {act.caught_up_s} s"
    )


def finish(yard: Site, fleet: Fleet, desk: Desk, outcome: Outcome, say: Say) -> None:
    """Let every session end, every queue drain, every order come to its end."""
    say("no more faults: sessions end, queues drain, orders settle")
    fleet.order("finish")
    began = time.monotonic()
    yard.wait_until(lambda: fleet.look()["at"] > began + 2 and fleet.look()["busy"] == 0, LAST_WORDS_S)
    yard.wait_until(lambda: desk.open_orders() == 0, SETTLE_S)
    # What has gone deaf a moment ago must not count as a second connection.
    yard.wait_until(fleet.is_quiet, SETTLE_S)
    yard.wait(CALM_S)
    outcome.unconfirmed = fleet.look()["queued"]


def judge(yard: Site, fleet: Fleet, outcome: Outcome) -> None:
    """What the checker says, in a process of its own: it reads the site's database."""
    timeline = fleet.timeline
    outcome.sent, outcome.burned = timeline.total("sent"), timeline.total("burned")
    # The history of the chargers is synced each tick, so it can be read while they stay connected.
    connected = fleet.look()["connected"]
    paths = [str(path) for path in sorted((yard.home / "history").iterdir())]
    done = subprocess.run(
        [sys.executable, "-m", "portal.chaos.checker", str(connected), *paths],
        env=yard.env, cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise YardFailed(f"The checker failed:\n{done.stderr[-3000:]}")
    verdict = json.loads(done.stdout)
    outcome.figures, outcome.counts, outcome.breaches = verdict["figures"], verdict["counts"], verdict["breaches"]


def as_dict(outcome: Outcome) -> dict[str, Any]:
    return asdict(outcome) | {"is_clean": outcome.is_clean}


def _quantiles_ms(times: Histogram) -> dict[str, float | None]:
    shares = (("p50", 0.5), ("p99", 0.99))
    return {
        name: None if (seconds := times.quantile(share)) is None else round(seconds * 1000, 1) for name, share in shares
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
