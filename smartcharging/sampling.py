"""Five minutes of a site as its plans see them. Pure: the same in the cloud and at the site.

Amperes are per phase, times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from smartcharging.allocation import Floats
from smartcharging.cars import Given
from smartcharging.grid import Site

STEP_S = 300
LONGEST_S = 30.0  # a plan speaks for the time since the last one, but not for a night without planner
METER_IS_OLD_S = 600.0
SUMS = ("pauses", "wanted_ah", "given_ah", "overload_s")


@dataclass(slots=True)
class Sample:
    """The highest currents on L1, L2, L3, the lowest limit, and sums; see `models.SiteSample`.

    ``at``: when its five minutes began. ``since``: when counting began; what is told again with the same goes on.
    """

    at: float
    since: float
    limit_a: list[float]
    building_a: list[float]
    cars_a: list[float]
    worst_a: list[float]
    cars_w: float = 0.0
    queued: int = 0
    pauses: int = 0
    wanted_ah: float = 0.0
    given_ah: float = 0.0
    overload_s: float = 0.0


def seen(
    site: Site,
    at: datetime,
    given: Given,
    *,
    drawn_a: Floats,
    worst_a: Floats,
    pauses: int,
    since: float | None,
) -> Sample:
    """What one plan saw. Vectors have one entry for each place of the site; ``since``: the plan before, if any."""
    now = at.timestamp()
    span_s = 0.0 if since is None else min(max(0.0, now - since), LONGEST_S)
    on = site.on.astype(float)
    cars, worst = ([round(float(value), 2) for value in row] for row in (on @ drawn_a, on @ worst_a))
    limit, building = limits_a(site, at), list(site.load_a(at))
    is_over = any(b + c > most + 1e-6 for b, c, most in zip(building, cars, limit, strict=True))
    allowed_a = np.minimum(given.amperes, given.wanted_a)
    return Sample(
        now - now % STEP_S, now, limit, building, cars, worst, sum(cars) * site.volts, sum(given.is_queued), pauses,
        float(given.wanted_a.sum()) * span_s / 3600, float(allowed_a.sum()) * span_s / 3600, span_s if is_over else 0.0,
    )  # fmt: skip


def limits_a(site: Site, at: datetime) -> list[float]:
    """What building and cars may draw together from the grid connection."""
    root = site.root
    signals = [signal.limit_w for signal in site.signals if signal.is_on(at, at)]
    watts = [limit_w for limit_w in (root.limit_w, *signals) if limit_w is not None]
    phases = sum(limit > 0 for limit in root.limits_a) or 1
    most = min(watts, default=np.inf) / site.volts / phases
    return [min(amperes - root.buffer_a, most) if amperes else 0.0 for amperes in root.limits_a]


def add(one: Sample, other: Sample) -> None:
    """Add to ``one`` what was seen in the same five minutes."""
    one.limit_a = _each(min, one.limit_a, other.limit_a)
    one.building_a = _each(max, one.building_a, other.building_a)
    one.cars_a = _each(max, one.cars_a, other.cars_a)
    one.worst_a = _each(max, one.worst_a, other.worst_a)
    one.cars_w, one.queued = max(one.cars_w, other.cars_w), max(one.queued, other.queued)
    for name in SUMS:
        setattr(one, name, getattr(one, name) + getattr(other, name))


def _each(choose: Callable[[float, float], float], one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [choose(a, b) for a, b in zip(one, other, strict=True)]


def read(told: Mapping[str, Any]) -> Sample:
    """Raises KeyError, TypeError or ValueError for what is none."""
    three = [[float(value) for value in told[name]] for name in ("limit_a", "building_a", "cars_a", "worst_a")]
    if any(len(values) != 3 for values in three):
        raise ValueError(f"A sample has three phases, not {three}.")
    numbers = [float(told[name]) for name in ("cars_w", "wanted_ah", "given_ah", "overload_s", "at", "since")]
    if not np.isfinite([*numbers, *np.ravel(three)]).all():
        raise ValueError(f"A sample has finite figures, not {dict(told)}.")
    cars_w, wanted_ah, given_ah, overload_s, at, since = numbers
    limit_a, building_a, cars_a, worst_a = three
    return Sample(
        at, since, limit_a, building_a, cars_a, worst_a, cars_w, int(told["queued"]), int(told["pauses"]),
        wanted_ah, given_ah, overload_s,
    )  # fmt: skip
