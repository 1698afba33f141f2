"""What a charger's number means: sampled values brought to Wh, W, A, V, varh, var, VA, %, °C. Pure.

A value that is no number (signed data, "n/a") is kept as text in ``raw`` with ``value`` None; nothing is thrown away.
"""

from __future__ import annotations

import math
from typing import Any, NotRequired, TypedDict

REGISTER = "Energy.Active.Import.Register"  # what both specifications mean when a sample names no measurand
# Beyond it a number is no measurement, and would not fit the columns that hold whole Wh.
LARGEST = 1e15
SIX_PLACES = 1e8  # of a number beyond it, a float no longer holds six decimal places


class Sample(TypedDict):
    """One measured quantity, as kept in ``MeterValue.samples``."""

    measurand: str
    phase: str
    location: str
    unit: str
    value: float | None
    raw: str
    signed: NotRequired[Any]  # signature data of 2.x, as sent
    derived: NotRequired[str]  # how we computed it; absent: the charger said it


# Unit in any case → (our unit, factor, offset): ours = (theirs × factor) + offset.
_UNITS: dict[str, tuple[str, float, float]] = {
    "wh": ("Wh", 1, 0), "kwh": ("Wh", 1e3, 0), "mwh": ("Wh", 1e6, 0),
    "varh": ("varh", 1, 0), "kvarh": ("varh", 1e3, 0),
    "vah": ("VAh", 1, 0), "kvah": ("VAh", 1e3, 0),
    "w": ("W", 1, 0), "kw": ("W", 1e3, 0), "mw": ("W", 1e6, 0),
    "va": ("VA", 1, 0), "kva": ("VA", 1e3, 0),
    "var": ("var", 1, 0), "kvar": ("var", 1e3, 0),
    "a": ("A", 1, 0), "ma": ("A", 1e-3, 0),
    "v": ("V", 1, 0), "mv": ("V", 1e-3, 0), "kv": ("V", 1e3, 0),
    "percent": ("%", 1, 0), "%": ("%", 1, 0),
    "celsius": ("°C", 1, 0), "celcius": ("°C", 1, 0), "fahrenheit": ("°C", 5 / 9, -160 / 9), "k": ("°C", 1, -273.15),
    "hz": ("Hz", 1, 0), "hertz": ("Hz", 1, 0), "rpm": ("RPM", 1, 0),
}  # fmt: skip
_UNIT_OF_MEASURAND = {
    "Energy.Active": "Wh", "Energy.Reactive": "varh", "Energy.Apparent": "VAh",
    "Power.Active": "W", "Power.Offered": "W", "Power.Reactive": "var",
    "Current": "A", "Voltage": "V", "SoC": "Percent", "Temperature": "Celsius", "Frequency": "Hz", "RPM": "RPM",
}  # fmt: skip


def sample(
    raw: object,
    *,
    measurand: str = "",
    unit: str = "",
    multiplier: int = 0,
    phase: str = "",
    location: str = "",
    signed: Any = None,
    is_text: bool = False,
) -> Sample:
    """Read one sampled value. ``multiplier`` is a power of ten (2.x); without a unit the measurand's own one holds.

    ``is_text``: signed data, whose digits are no number.
    """
    measurand = measurand or REGISTER
    value, our_unit = normalise(None if is_text else raw, unit or _own_unit(measurand), multiplier)
    found: Sample = {
        "measurand": measurand,
        "phase": phase,
        "location": location,
        "unit": our_unit,
        "value": value,
        "raw": raw if isinstance(raw, str) else repr(raw),
    }
    if signed is not None:
        found["signed"] = signed
    return found


def normalise(raw: object, unit: str, multiplier: int = 0) -> tuple[float | None, str]:
    """(value in our unit, our unit); an unknown unit stays with its number untouched."""
    number = as_number(raw)
    our_unit, factor, offset = _UNITS.get(unit.strip().casefold(), (unit, 1, 0))
    if number is None or abs(multiplier) > 15:
        return None, our_unit
    # Rounded to what a float can hold honestly: 12.3 kWh is 12300 Wh, not 12300.000000000002.
    value = round(number * 10.0**multiplier * factor + offset, 6)
    if abs(value) > SIX_PLACES:
        value = float(f"{value:.15g}")
    return (value if abs(value) <= LARGEST else None), our_unit


def as_number(raw: object) -> float | None:
    """The number in a sampled value, be it text ("12.5", "12,5") or a number; None for all else, NaN and infinity."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    if isinstance(raw, str) and (len(raw) > 40 or "_" in raw):
        return None  # signed data; and Python would read 1_000 as a number
    try:
        number = float(raw.strip().replace(",", ".") if isinstance(raw, str) else raw)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _own_unit(measurand: str) -> str:
    parts = measurand.split(".")
    return _UNIT_OF_MEASURAND.get(".".join(parts[:2])) or _UNIT_OF_MEASURAND.get(parts[0], "")
