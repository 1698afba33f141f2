"""What a period allows, as numbers that can be compared: A per phase or W, for all phases alike or for each apart.

``W = A × V × phases``. A limit in W without others for L2 and L3 is the power of all phases together; one with them is
that of L1. Pure arithmetic: knows no profile and no time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Phases3 = tuple[float | None, float | None, float | None]
NOTHING: Phases3 = (None, None, None)


@dataclass(slots=True, frozen=True)
class Rate:
    """``limit``, ``discharge_limit`` (not above 0), ``setpoint``: (all phases or L1, L2, L3); None: not said."""

    unit: str = "A"
    limit: Phases3 = NOTHING
    discharge_limit: Phases3 = NOTHING
    setpoint: Phases3 = NOTHING
    phases: int | None = None
    # Where one phase is used: which. The power is the same on any.
    phase_to_use: int | None = field(default=None, compare=False)

    @property
    def is_split(self) -> bool:
        return any(kind[1] is not None or kind[2] is not None for kind in self._kinds)

    @property
    def is_bidirectional(self) -> bool:
        return self.discharge_limit[0] is not None or self.setpoint[0] is not None

    @property
    def _kinds(self) -> tuple[Phases3, Phases3, Phases3]:
        return self.limit, self.discharge_limit, self.setpoint

    def with_limit(self, limit: float, unit: str) -> Rate:
        return capped(replace(self, limit=(limit, None, None), unit=unit))


NO_RATE = Rate()


def rate_of(period: dict[str, Any], unit: str) -> Rate:
    """A period in our words, see `smartcharging.schedules.Profile`."""

    def kind(name: str) -> Phases3:
        return (period.get(name), period.get(f"{name}_l2"), period.get(f"{name}_l3"))

    return Rate(
        unit, kind("limit"), kind("discharge_limit"), kind("setpoint"), period.get("phases"),
        period.get("phase_to_use"),
    )  # fmt: skip


def lowest(rates: Sequence[Rate], unit: str, voltage_v: float, phases: int) -> tuple[Rate, int | None]:
    """The lowest limit, the weakest discharge, the lowest set point within them, the lowest number of phases; and which
    rate (the first) holds the limit down, None if none has one.

    ``phases`` converts where no rate says how many. Phases stay apart where one rate tells them apart and more than one
    is left; where only one is, whichever it is, the lowest of the phases counts.
    """
    said = min((rate.phases for rate in rates if rate.phases is not None), default=None)
    count = said or phases
    split = count > 1 and any(rate.is_split for rate in rates)

    def shown(name: str) -> list[Phases3]:
        return [_converted(getattr(rate, name), rate.unit, unit, voltage_v, count, split) for rate in rates]

    limits = shown("limit")
    limit = _best(limits, min)
    lowest_phase = min((value for value in limit if value is not None), default=None)
    holds = next((n for n, one in enumerate(limits) if lowest_phase is not None and lowest_phase in one), None)
    phase = next((rate.phase_to_use for rate in rates if rate.phase_to_use is not None), None) if count == 1 else None
    if not any(rate.is_bidirectional for rate in rates):
        return Rate(unit, limit, phases=said, phase_to_use=phase), holds
    discharge, setpoint = _best(shown("discharge_limit"), max), _best(shown("setpoint"), min)
    return capped(Rate(unit, limit, discharge, setpoint, said, phase)), holds


def _best(shown: Sequence[Phases3], best: Callable[..., float]) -> Phases3:
    columns = [[value for value in column if value is not None] for column in zip(*shown, strict=True)]
    first, second, third = (best(column) if column else None for column in columns)
    return first, second, third


def capped(rate: Rate) -> Rate:
    """The same, its set point within its limits."""

    def within(point: float | None, high: float | None, low: float | None) -> float | None:
        if point is None:
            return None
        point = point if high is None else min(point, high)
        return point if low is None else max(point, low)

    first, second, third = map(within, rate.setpoint, rate.limit, rate.discharge_limit)
    return replace(rate, setpoint=(first, second, third))


def total(rates: Sequence[Rate], unit: str, voltage_v: float) -> Rate:
    """What several EVSEs may draw together, all in ``unit``; the highest number of phases."""
    phases = max((rate.phases for rate in rates if rate.phases is not None), default=None)
    split = any(rate.is_split for rate in rates)
    shown = [_converted(rate.limit, unit, unit, voltage_v, rate.phases or phases or 3, split) for rate in rates]
    first, second, third = (_sum(column) for column in zip(*shown, strict=True))
    return Rate(unit, (first, second, third), phases=phases)


def plus(rate: Rate, extra: Rate) -> Rate:
    """A limit with what is generated on the spot on top of it."""
    first, second, third = (
        None if base is None else base + (more or 0.0) for base, more in zip(rate.limit, extra.limit, strict=True)
    )
    return replace(rate, limit=(first, second, third))


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _converted(told: Phases3, unit: str, wanted: str, voltage_v: float, count: int, split: bool) -> Phases3:
    first, second, third = told
    if first is None:
        return NOTHING
    is_apart = second is not None or third is not None
    if split:
        each = (first, first if second is None else second, first if third is None else third)
        share = 1.0 if is_apart or unit == "A" else 1.0 / count
        factor = 1.0 if unit == wanted else voltage_v if wanted == "W" else 1.0 / voltage_v
        return each[0] * share * factor, each[1] * share * factor, each[2] * share * factor
    known = [value for value in told if value is not None]
    # Told apart, but they are to be one: nobody knows which phase is used, so the weakest counts. Nearest to zero, for
    # discharge limits are negative.
    value = min(known, key=abs) * (count if is_apart and unit == "W" else 1)
    if unit == wanted:
        return value, None, None
    return (value * voltage_v * count if wanted == "W" else value / (voltage_v * count)), None, None
