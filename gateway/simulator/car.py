"""An electric car at the end of the cable: what power it takes at which state of charge. Pure physics, no clock."""

from __future__ import annotations

from dataclasses import dataclass

AC_EFFICIENCY = 0.90
"""Of the energy through an AC meter, this much reaches the battery; the onboard charger warms the rest."""

AC_TAIL_SOC = 0.95
DC_KNEE_SOC = 0.55


@dataclass(slots=True)
class Car:
    """State of charge runs from 0.0 to 1.0; powers are what the car takes at most, in W at the meter."""

    battery_wh: float
    soc: float
    target_soc: float
    ac_power_w: float
    ac_phases: int
    dc_power_w: float

    @property
    def is_full(self) -> bool:
        return self.soc >= self.target_soc - 1e-9

    def wants_w(self, *, is_dc: bool) -> float:
        """Power the car asks for now: AC flat with a tail over 95 %, DC constant to the knee, then tapering."""
        if self.is_full:
            return 0.0
        if is_dc:
            fade = max(0.0, self.soc - DC_KNEE_SOC) / (1.0 - DC_KNEE_SOC)
            return self.dc_power_w * (1.0 - 0.88 * fade)
        fade = max(0.0, self.soc - AC_TAIL_SOC) / (1.0 - AC_TAIL_SOC)
        return self.ac_power_w * (1.0 - 0.75 * fade)

    def needs_wh(self, *, is_dc: bool) -> float:
        """Energy at the meter until the car is full."""
        return max(0.0, self.target_soc - self.soc) * self.battery_wh / _efficiency(is_dc=is_dc)

    def take(self, energy_wh: float, *, is_dc: bool) -> None:
        """Charge with this much energy at the meter; never beyond the target."""
        self.soc = min(self.target_soc, self.soc + energy_wh * _efficiency(is_dc=is_dc) / self.battery_wh)


def _efficiency(*, is_dc: bool) -> float:
    return 1.0 if is_dc else AC_EFFICIENCY
