"""What a building's meter says, as it comes by MQTT. Pure: in the cloud and at the site the same.

``{"l1_a": 12.5, "l2_a": 8, "l3_a": 9.1}``, amperes on each phase, or ``l1_kw`` …; negative where the sun gives more
than the building takes. ``measured_at`` (ISO 8601 with its offset) is wanted of a meter whose messages may come late. A
sum over the phases is not taken: it does not say which of them is full.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from smartcharging.grid import MOST_A

PHASES = ("l1", "l2", "l3")


@dataclass(slots=True, frozen=True)
class Reading:
    """``load_a`` on L1, L2, L3."""

    load_a: tuple[float, float, float]
    measured_at: datetime


def read(payload: bytes, *, volts: float, at: datetime, is_retained: bool = False) -> Reading:
    """Raises ValueError, with a sentence for whoever set the meter up, for what cannot be used.

    ``is_retained``: the broker kept it for us, nobody knows for how long; only its own time can tell.
    """
    try:
        told = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"A meter sends JSON, not {payload[:40]!r} ({error}).") from error
    if not isinstance(told, dict):
        raise ValueError(  # noqa: TRY004 - what a meter says, not what a caller does
            f'A meter sends a JSON object such as {{"l1_a": 12.5, …}}, not {payload[:40]!r}.'
        )
    if is_retained and "measured_at" not in told:
        raise ValueError("This reading was kept by the broker and does not say when it was taken; send measured_at.")
    load_a = [_amperes(told, phase, volts) for phase in PHASES]
    return Reading(checked(load_a), _moment(told["measured_at"]) if "measured_at" in told else at)


def checked(load_a: Sequence[float]) -> tuple[float, float, float]:
    """The currents of a building. Raises ValueError for what no meter shows."""
    if len(load_a) != 3 or not all(math.isfinite(value) and abs(value) <= MOST_A for value in load_a):
        raise ValueError(f"A building draws three finite currents up to {MOST_A:g} A; not {list(load_a)}.")
    return load_a[0], load_a[1], load_a[2]


def _amperes(told: Mapping[str, Any], phase: str, volts: float) -> float:
    for name, amperes in ((f"{phase}_a", 1.0), (f"{phase}_kw", 1000.0 / volts)):
        if name in told:
            value = told[name]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} is {value!r}; it must be a number.")
            return float(value) * amperes
    raise ValueError(f"It says neither {phase}_a nor {phase}_kw; each phase has to be told.")


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"measured_at is {value!r}; it reads 2026-11-02T13:45:00Z, with its offset.")
    return moment
