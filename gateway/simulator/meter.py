"""A reading as a list of measured values, the same for every OCPP version."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gateway.simulator.events import Reading


@dataclass(frozen=True, slots=True)
class Measured:
    measurand: str
    value: float
    unit: str
    phase: str | None = None


def measured(reading: Reading, wanted: Collection[str]) -> Iterator[Measured]:
    """The wanted measurands of a reading; what this meter cannot see (SoC on AC) is left out."""
    if "Energy.Active.Import.Register" in wanted:
        yield Measured("Energy.Active.Import.Register", float(round(reading.energy_wh)), "Wh")
    if "Power.Active.Import" in wanted:
        yield Measured("Power.Active.Import", round(reading.power_w, 1), "W")
    if "Power.Offered" in wanted:
        yield Measured("Power.Offered", round(reading.offered_w, 1), "W")
    is_dc = reading.soc_percent is not None
    if "Current.Import" in wanted:
        for phase, current_a in enumerate(reading.currents_a, 1):
            yield Measured("Current.Import", round(current_a, 2), "A", None if is_dc else f"L{phase}")
    if "Voltage" in wanted:
        yield Measured("Voltage", round(reading.voltage_v, 1), "V", None if is_dc else "L1-N")
    if "SoC" in wanted and reading.soc_percent is not None:
        yield Measured("SoC", reading.soc_percent, "Percent")
