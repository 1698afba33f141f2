"""Days of a site played again: sessions that came and went, shared by what is in `smartcharging.allocation`.

Cars are ideal: each takes what it is offered, up to its own maximum and what it still wants. How much of all that was
wanted was met is the figure by which ways of sharing are compared (arXiv:2012.02809 among others). Pure.
"""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smartcharging import allocation, plan
from smartcharging.allocation import Floats, Network

STEP_S = 300.0


@dataclass(slots=True, frozen=True)
class Stay:
    """A car at EVSE ``index``, from step ``arrival`` to before step ``departure``."""

    index: int
    arrival: int
    departure: int
    wanted_wh: float
    car_a: float = math.inf  # what this car takes at most, where it is less than the others


@dataclass(slots=True, frozen=True)
class Days:
    """``volts`` between the two wires of an EVSE (of one on three phases their sum); ``evse_a`` its cable, ``car_a``
    what a car takes at most. ``limits_a``: for each step, where the limits change with time.
    """

    network: Network
    stays: Sequence[Stay]
    volts: float | Floats = 208.0
    evse_a: float | Floats = 32.0
    car_a: float | Floats = 6600.0 / 208.0
    limits_a: Floats | None = None

    def network_at(self, step: int) -> Network:
        if self.limits_a is None:
            return self.network
        limits = self.limits_a[min(max(step, 0), len(self.limits_a) - 1)]
        return Network(self.network.coefficients, limits, self.network.names)


@dataclass(slots=True, frozen=True)
class Rules:
    """``knows``: need and departure are known. ``is_whole``: 0 or 6 A and more, in whole amperes."""

    knows: bool = True
    is_whole: bool = False
    looks_ahead: bool = False


@dataclass(slots=True)
class Played:
    """``met_percent``: of the energy that cars wanted, the part that they got."""

    met_percent: float = 0.0
    full_percent: float = 0.0  # of the stays, at least 95 % of what they wanted
    pauses: int = 0
    worst_over_a: float = 0.0
    peak_w: float = 0.0


def play(days: Days, rules: Rules) -> Played:
    """Share step by step; who leaves, comes and charges as in the benchmark that others publish."""
    count = days.network.coefficients.shape[1]
    arrivals = defaultdict(list)
    for stay in days.stays:
        arrivals[stay.arrival].append(stay)
    ends = {stay.departure for stay in days.stays}
    result, got = Played(), dict.fromkeys(days.stays, 0.0)
    here: dict[int, Stay] = {}
    charged = np.zeros(count, bool)
    planned, planned_at = None, 0
    for step in range(min(arrivals), max(ends) + 1):
        network = days.network_at(step)
        here = {index: stay for index, stay in here.items() if stay.departure > step}
        here.update({stay.index: stay for stay in arrivals[step]})
        charged[[index for index in range(count) if index not in here]] = False
        rest_wh = np.zeros(count)
        left_s = np.full(count, np.nan)
        car_a = np.full(count, np.inf)
        for index, stay in here.items():
            car_a[index] = stay.car_a
            rest_wh[index] = stay.wanted_wh - got[stay]
            left_s[index] = (stay.departure - step) * STEP_S
        rest_wh[rest_wh < 1e-6] = 0.0
        if not rest_wh.any():
            continue
        if rules.looks_ahead and (planned is None or arrivals[step] or step in ends or step - planned_at >= 36):
            planned, planned_at = _ahead(days, network, rest_wh, left_s), step
        column = None if planned is None else planned[:, min(int((step - planned_at) / 3), planned.shape[1] - 1)]
        amperes = _share(days, network, rules, rest_wh, left_s, charged, car_a, column)
        result.worst_over_a = max(result.worst_over_a, float((network.loads_a(amperes) - network.limits_a).max()))
        result.pauses += int((charged & (amperes == 0) & (rest_wh > 0)).sum())
        charged = amperes > 0
        taken_a = np.minimum(np.minimum(amperes, days.car_a), car_a)
        taken_wh = np.minimum(taken_a * days.volts * STEP_S / 3600, rest_wh)
        result.peak_w = max(result.peak_w, float(taken_wh.sum()) * 3600 / STEP_S)
        for index, stay in here.items():
            got[stay] += float(taken_wh[index])
    result.met_percent = 100 * sum(got.values()) / sum(stay.wanted_wh for stay in days.stays)
    full = sum(got[stay] >= 0.95 * stay.wanted_wh for stay in days.stays)
    result.full_percent = 100 * full / len(days.stays)
    return result


def _share(
    days: Days,
    network: Network,
    rules: Rules,
    rest_wh: Floats,
    left_s: Floats,
    charged: np.ndarray,
    car_a: Floats,
    column: Floats | None,
) -> Floats:
    most_a = np.minimum(days.evse_a if rules.is_whole else days.car_a, car_a)
    upper = np.where(rest_wh > 0, np.minimum(most_a, rest_wh / days.volts * 3600 / STEP_S), 0.0)
    need = allocation.need_a(rest_wh, left_s, days.volts) if rules.knows else np.full(len(upper), np.nan)
    return allocation.share(
        network,
        upper,
        need_a=need,
        plan_a=column,
        urgency=np.nan_to_num(np.minimum(need, 1e3)) / days.car_a + 0.1 * charged,
        floor_a=6.0 if rules.is_whole else 0.0,
        step_a=1.0 if rules.is_whole else 0.0,
    ).amperes


def _ahead(days: Days, network: Network, rest_wh: Floats, left_s: Floats) -> Floats:
    upper = np.where(rest_wh > 0, days.car_a, 0.0)
    return plan.ahead(network, upper, rest_wh / days.volts, np.nan_to_num(left_s, nan=-1.0) / 3600)


# -- where days come from ----------------------------------------------------------------------------------------------


def synthetic(limit_kw: float, *, days: int = 5, evses: int = 40, cars_a_day: int = 45, seed: int = 1) -> Days:
    """Working days at an office: most come in the morning for the day, some at noon for an hour or two."""
    chance = random.Random(seed)  # noqa: S311 - luck that can be had again
    phases = [n % 3 for n in range(evses)]
    rows = [[1.0 if phase == line else 0.0 for phase in phases] for line in range(3)]
    network = Network(np.array(rows), np.full(3, limit_kw * 1000 / 3 / 230.0), ("L1", "L2", "L3"))
    free_from = [0] * evses
    stays: list[Stay] = []
    for day in range(days):
        for _ in range(cars_a_day):
            is_long = chance.random() < 0.7
            hour = chance.gauss(8.5, 0.8) if is_long else chance.uniform(9, 17)
            hours = max(0.5, chance.gauss(8.0, 1.5) if is_long else chance.gauss(2.0, 0.7))
            arrival = day * 288 + max(0, int(hour * 12))
            places = [index for index in range(evses) if free_from[index] <= arrival]
            if places:
                index = chance.choice(places)
                free_from[index] = arrival + max(1, int(hours * 12))
                stays.append(Stay(index, arrival, free_from[index], 1000 * min(60.0, chance.lognormvariate(2.4, 0.6))))
    return Days(network, sorted(stays, key=lambda stay: stay.arrival), volts=230.0, car_a=32.0)


def from_file(path: Path, limit_kw: float) -> Days:
    """A month as acnportal's experiments describe it: EVSEs with phase angles, limits on sums of phasors, sessions.

    Raises ValueError for a file that is none.
    """
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        evses = told["network"]["evse"]
        index = {evse["id"]: n for n, evse in enumerate(evses)}
        phasors = np.exp(1j * np.deg2rad([evse["phase_angle_deg"] for evse in evses]))
        rows = np.zeros((len(told["network"]["limits"]), len(evses)), complex)
        for k, limit in enumerate(told["network"]["limits"]):
            for evse, factor in limit["coefficients"].items():
                rows[k, index[evse]] = factor * phasors[index[evse]]
        limits = [_limit_a(limit["limit_A"], limit_kw) for limit in told["network"]["limits"]]
        stays = [
            Stay(index[one["evse"]], one["arrival"], one["departure"], 1000.0 * one["requested_kWh"])
            for one in told["sessions"]
        ]
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no month of sessions: {error!r}.") from error
    network = Network(rows, np.array(limits), [limit["name"] for limit in told["network"]["limits"]])
    volts = float(told["model"]["voltage"])
    return Days(network, stays, volts, told["model"]["evse_max_A"], 1000 * told["model"]["ev_max_kW"] / volts)


def _limit_a(told: float | str, limit_kw: float) -> float:
    """Amperes, or "1000*cap_kW/3/V" with the capacity of the transformer."""
    if not isinstance(told, str):
        return float(told)
    factor, *divisors = told.split("/")
    value = limit_kw * float(factor.replace("cap_kW", "1").split("*")[0])
    for divisor in divisors:
        value /= float(divisor)
    return value
