"""What is asked of a yard on two cores with everything on them, and what a run has reached of it.

A *floor* must hold, a *goal* is where we want to be. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]
LATER_OR_SLOWER = {"503", "429", 503, 429}


@dataclass(frozen=True, slots=True)
class Target:
    """``phase``: whose result ``value`` reads. ``chargers``: the fleet that it is meant for."""

    figure: str
    phase: str
    value: Callable[[Results], float | None]
    floor: float
    goal: float
    is_least: bool = False  # the figure should reach it; else it should not pass it
    chargers: int = 0
    parts: str = ""  # embedded or production; both

    def holds(self, value: float, bound: float) -> bool:
        return value >= bound if self.is_least else value <= bound


def _refused_otherwise(seen: Results) -> float:
    return float(sum(times for status, times in seen["refusals"].items() if status not in LATER_OR_SLOWER))


def _longest_handshake_s(seen: Results) -> float | None:
    times = [seen[name]["max"] for name in ("handshake_ms", "refused_after_ms") if seen[name]["max"] is not None]
    return max(times) / 1000 if times else None


TARGETS = (
    Target("idle: KiB per charger, with MQTT", "idle", lambda seen: seen["kib_per_charger"], 50, 40, chargers=10000),
    Target("mix: CALLs/s", "mix", lambda seen: seen["answered_per_s"], 800, 2000, True, 5000, "production"),
    Target("mix: CALLs/s", "mix", lambda seen: seen["answered_per_s"], 300, 800, True, 5000, "embedded"),
    Target("mix: p50 ms", "mix", lambda seen: seen["call_ms"]["p50"], 30, 30, chargers=5000),
    Target("mix: p99 ms", "mix", lambda seen: seen["call_ms"]["p99"], 500, 200, chargers=5000),
    Target("mix: ms CPU per CALL", "mix", lambda seen: seen["cpu_us_per_call_all"] / 1000, 1.2, 0.5, chargers=5000),
    Target("peak: CALLs/s", "peak", lambda seen: seen["answered_per_s"], 1500, 3500, True, 500, "production"),
    Target("pages: p95 ms of the slowest", "pages", lambda seen: seen["slowest_p95_ms"], 500, 200, chargers=5000),
    Target("pages: longest live lag s", "pages", lambda seen: seen["longest_lag_s"], 2, 2, chargers=5000),
    Target("flood: others' p99, % more", "flood", lambda seen: seen["p99_more_percent"], 20, 20, chargers=1000),
    Target(
        "flood: by the flooder alone", "flood", lambda seen: seen["flooder_p99_more_percent"], 20, 20, chargers=1000
    ),
    Target("flood: by the deaf one alone", "flood", lambda seen: seen["deaf_p99_more_percent"], 20, 20, chargers=1000),
    Target("storm: s until 95 % are back", "storm", lambda seen: seen["through_95_s"], 60, 30, chargers=10000),
    Target("storm: s until all are back", "storm", lambda seen: seen["through_all_s"], 180, 30, chargers=10000),
    Target("storm: refused but by 503/429", "storm", _refused_otherwise, 0, 0, chargers=10000),
    Target(
        "growth: CPU of a CALL, × a young yard's", "growth", lambda seen: seen["cpu_ratio"], 1.3, 1.1, chargers=1000
    ),
    Target("leave: longest handshake s", "leave", _longest_handshake_s, 10, 2, chargers=10000),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``chargers``: those of the run where they are fewer than the target is meant for, else 0."""

    target: Target
    value: float
    chargers: int

    @property
    def meets_floor(self) -> bool:
        return self.target.holds(self.value, self.target.floor)

    @property
    def meets_goal(self) -> bool:
        return self.target.holds(self.value, self.target.goal)

    def dump(self) -> Results:
        return {
            "figure": self.target.figure,
            "value": self.value,
            "floor": self.target.floor,
            "goal": self.target.goal,
            "is_least": self.target.is_least,
            "meets_floor": self.meets_floor,
            "meets_goal": self.meets_goal,
            "meant_for_chargers": self.target.chargers,
        }


def verdicts(results: Results, *, parts: str, chargers: int) -> Iterator[Verdict]:
    """One for each target whose phase was run."""
    for target in TARGETS:
        if target.phase not in results or target.parts not in ("", parts):
            continue
        value = target.value(results[target.phase])
        if value is not None:
            yield Verdict(target, value, chargers if chargers < target.chargers else 0)


def lines(judged: list[Verdict]) -> Iterator[str]:
    """The table: figure, value, floor, goal."""
    if not judged:
        return
    yield ""
    yield f"{'asked on two cores':40} {'measured':>10} {'floor':>12} {'goal':>12}"
    for verdict in judged:
        target = verdict.target
        small = f"   meant for {target.chargers:,} chargers" if verdict.chargers else ""
        yield (
            f"{target.figure:40} {_number(verdict.value):>10} {_bound(target, target.floor, verdict.meets_floor):>12}"
            f" {_bound(target, target.goal, verdict.meets_goal):>12}{small}"
        )


def _bound(target: Target, bound: float, is_met: bool) -> str:
    return f"{'≥' if target.is_least else '≤'} {_number(bound)} {'✓' if is_met else '✗'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}" if value < 10 else f"{value:.1f}"
