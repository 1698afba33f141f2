"""How fast the simulated world turns against the clock on the wire. Pure arithmetic: knows no charger.

The wire always carries real UTC. With `--day-length` a day of arrivals passes in that many seconds, and each charge is
time-lapsed on its own so that it lasts 0.1–0.4 of such a day (1–4 minutes of a 600 s day): **power, current and voltage
stay what the meter would show, energy and state of charge advance `lapse` times faster**. So a register is consistent
with itself (stop − start = the energy billed) and a limit really slows the charge, but power × wall time is not energy
there. Without `--day-length` the lapse is 1 and everything is as slow as it is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

DAY_S = 86_400.0

ARRIVALS_BY_HOUR = (
    0.15, 0.10, 0.08, 0.08, 0.12, 0.35, 0.85, 1.50, 1.70, 1.35, 1.10, 1.15,
    1.35, 1.20, 1.05, 1.10, 1.40, 1.90, 2.10, 1.80, 1.30, 0.90, 0.55, 0.30,
)  # fmt: skip
"""Relative arrival rate by hour of the day, mean about 1: commuters at 8, shoppers at noon, home-comers at 18."""

_BUSIEST = max(ARRIVALS_BY_HOUR)


@dataclass(frozen=True, slots=True)
class Pace:
    """Durations are seconds on the wire's clock; rates are per simulated day."""

    day_s: float
    starts_at: float
    """When the simulation began (epoch seconds), and `start_hour` of the simulated day."""
    start_hour: float
    visits_per_day: float
    """Cars that come to one connector."""
    faults_per_day: float
    dropouts_per_day: float
    alarms_per_day: float
    """Security events of one charger."""

    @classmethod
    def of_day(cls, day_s: float | None, *, now: float) -> Pace:
        """The pace for a day of `day_s` seconds; None is real time.

        A sped-up day begins at seven, when cars begin to come: whoever starts a demo should not
        watch the night. Mishaps are rarer than once a month in the street, and frequent enough to be seen in a demo.
        """
        length_s = day_s or DAY_S
        speed = DAY_S / length_s
        return cls(
            day_s=length_s,
            starts_at=now,
            start_hour=7.0 if day_s else now % DAY_S / 3600,
            visits_per_day=3.0,
            faults_per_day=min(0.5, 0.02 * speed),
            dropouts_per_day=min(0.5, 0.05 * speed),
            alarms_per_day=min(0.3, 0.02 * speed),
        )

    @property
    def speed(self) -> float:
        return DAY_S / self.day_s

    def hour(self, at: float) -> float:
        """Hour of the simulated day, 0.0–24.0."""
        return (self.start_hour + (at - self.starts_at) / self.day_s * 24) % 24

    def next_arrival(self, at: float, chance: random.Random) -> float:
        """When the next car comes to a connector that is free at `at` (a Poisson process thinned by the hour)."""
        while True:
            at += chance.expovariate(self.visits_per_day * _BUSIEST / self.day_s)
            if chance.random() * _BUSIEST <= ARRIVALS_BY_HOUR[int(self.hour(at)) % 24]:
                return at

    def next_mishap(self, at: float, per_day: float, chance: random.Random) -> float:
        return at + chance.expovariate(per_day / self.day_s)

    def mishap_s(self, chance: random.Random) -> float:
        """How long a fault or an outage lasts: 18–60 s of a 600 s day, at most a quarter of an hour."""
        return min(900.0, chance.uniform(0.03, 0.10) * self.day_s)

    def hand_s(self, chance: random.Random) -> float:
        """How long a driver takes for one thing done by hand: 2–10 s of a 600 s day, 4–20 s in real time."""
        return chance.uniform(min(4.0, self.day_s / 300), min(20.0, self.day_s / 60))

    def linger_s(self, chance: random.Random) -> float:
        """How long a full car stays plugged in."""
        return chance.uniform(0.005, 0.03) * self.day_s

    def machine_s(self, chance: random.Random) -> float:
        """One step of a machine's work: a reboot, a download, an installation."""
        return chance.uniform(min(5.0, self.day_s / 200), min(20.0, self.day_s / 100))

    def lapse(self, natural_s: float, chance: random.Random) -> float:
        """How many times faster than its power says a charge of `natural_s` seconds advances; never below 1."""
        wanted_s = chance.uniform(0.1, 0.4) * self.day_s
        return max(1.0, min(natural_s / wanted_s, self.speed))

    @property
    def sample_interval_s(self) -> int:
        """What a charger's meter value interval is set to in the factory: 60 s, or a sixtieth of a sped-up day."""
        return max(1, min(60, round(self.day_s / 60)))
