"""The common quantities of one meter reading, picked out of its samples. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from sessions.units import REGISTER, Sample

PHASES = ("L1", "L2", "L3")
OUTLET = ("", "Outlet")  # both specifications mean the outlet when a sample names no location


class Quantities(TypedDict):
    """Columns of `MeterValue`; None: this reading does not say."""

    energy_wh: float | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None


def quantities(samples: list[Sample]) -> Quantities:
    """What a reading says in Wh, W, A (largest phase), V (mean of the phases to neutral) and %."""
    phase_currents = _values(samples, "Current.Import", phases=("", *PHASES))
    to_neutral = (*PHASES, *_to_neutral())
    voltages = _values(samples, "Voltage", phases=("",)) or _values(samples, "Voltage", phases=to_neutral)
    return {
        "energy_wh": _one(samples, REGISTER),
        "power_w": _one(samples, "Power.Active.Import", phases=PHASES),
        "current_a": max(phase_currents.values(), default=None),
        "voltage_v": round(sum(voltages.values()) / len(voltages), 3) if voltages else None,
        "soc_percent": next(iter(_values(samples, "SoC", phases=("",), anywhere=True).values()), None),
    }


def with_sum_of_phases(samples: list[Sample]) -> list[Sample]:
    """The samples, and the total register where the charger gave it per phase only (all three); marked as derived."""
    if not any(sample["phase"] and sample["measurand"] == REGISTER for sample in samples):
        return samples
    by_phase = _values(samples, REGISTER, phases=PHASES) or _values(samples, REGISTER, phases=_to_neutral())
    if len(by_phase) < len(PHASES) or _values(samples, REGISTER, phases=("",)):
        return samples
    total = round(sum(by_phase.values()), 6)
    derived: Sample = {
        "measurand": REGISTER, "phase": "", "location": "", "unit": "Wh", "value": total, "raw": "",
        "derived": "sum of " + ", ".join(sorted(by_phase)),
    }  # fmt: skip
    return [*samples, derived]


def _one(samples: list[Sample], measurand: str, *, phases: Iterable[str] = ()) -> float | None:
    whole = _values(samples, measurand, phases=("",))
    if whole:
        return whole[""]
    by_phase = _values(samples, measurand, phases=phases)
    return round(sum(by_phase.values()), 6) if by_phase else None


def _values(
    samples: list[Sample], measurand: str, *, phases: Iterable[str], anywhere: bool = False
) -> dict[str, float]:
    """Phase → value; the first of several that say the same thing."""
    wanted = tuple(phases)
    found: dict[str, float] = {}
    for each in samples:
        fits = each["measurand"] == measurand and each["phase"] in wanted
        if fits and each["value"] is not None and (anywhere or each["location"] in OUTLET):
            found.setdefault(each["phase"], each["value"])
    return found


def _to_neutral() -> tuple[str, ...]:
    return tuple(f"{phase}-N" for phase in PHASES)
