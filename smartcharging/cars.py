"""What each car of a site can take and needs, and what it gets now. Pure: the same in the cloud and at the site.

Amperes are per phase, times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chargers.sentences import phrase
from smartcharging import allocation
from smartcharging.allocation import Floats, Network
from smartcharging.ledger import FLOOR_A, Entry, Ledger, Outlet

PROBE_EVERY_MIN = 5
DRAWS_LESS = 0.8
SETTLED_S = 60.0

# Told to people, see chargers/sentences.py.
CHEAPER_LATER = phrase("cheaper hours to come")


class Foresight(NamedTuple):
    """What a plan ahead wants each to have now. ``waits``: who takes no more, for it has time and later is cheaper."""

    amperes: Floats
    waits: NDArray[np.bool_]


Ahead = Callable[[Network, Floats], Foresight | None]
"""A plan ahead, from what the site bears and what each could take."""


@dataclass(slots=True)
class Car:
    """A session. ``most_a``: what cable and car bear. ``rest_wh``: what it still needs, None where nobody knows.

    ``enough_a``: so much is enough for now, for it draws less than it may; see `upper_a`, which renews it.
    """

    most_a: float
    phases: int = 3
    drawn_a: float | None = None
    drawn_at: float = 0.0
    rest_wh: float | None = None
    departs_at: float | None = None
    enough_a: float | None = None


@dataclass(slots=True, frozen=True)
class Given:
    """What `share` found, by outlet. ``wanted_a``: what each could take, or needs where that is known and less;
    ``bound_by``: the limit that held it back, or `CHEAPER_LATER`.
    """

    amperes: Floats
    wanted_a: Floats
    bound_by: Sequence[str]
    is_queued: Sequence[bool]


def share(
    book: Ledger, cars: Sequence[Car | None], now: float, *, volts: float = 230.0, ahead: Ahead | None = None
) -> Given:
    """What each outlet should get now, and what its car wants; and why not more. None: no car, or none that charges."""
    upper = np.array([upper_a(car, place, now) for car, place in zip(cars, book.outlets, strict=True)], float)
    network = book.for_share(now)
    held = np.array(
        [
            place.lease.worst_a() + place.floor.worst_a() if car is not None else 0.0
            for car, place in zip(cars, book.outlets, strict=True)
        ],
        float,
    )
    need = np.array([need_a(car, now, volts) for car in cars], float)
    foresight = ahead(network, upper) if ahead is not None else None
    if foresight is not None:
        upper = np.where(foresight.waits, np.minimum(upper, foresight.amperes), upper)
    shares = allocation.share(
        network,
        upper,
        need_a=need,
        plan_a=None if foresight is None else foresight.amperes,
        # Who charges goes on; of the others, who needs most comes first.
        urgency=np.where(held > 0, 1000.0, 0.0) + np.nan_to_num(need),
    )
    names = [network.names[bound][:160] if bound >= 0 else "" for bound in shares.bound_by]
    if foresight is not None:
        waits = foresight.waits & (shares.bound_by < 0)
        names = [CHEAPER_LATER if is_later else name for is_later, name in zip(waits, names, strict=True)]
    queued = [bool(waits) for waits in (upper > 0) & ~shares.is_admitted]
    wanted = np.where(np.isnan(need), upper, np.minimum(upper, need))
    return Given(shares.amperes, wanted, names, queued)


def upper_a(car: Car | None, place: Outlet, now: float) -> float:
    """What a car can take: the cable, what it said of itself, and little more than what it draws if that is less."""
    if car is None or not place.is_led or not place.is_online:
        return 0.0
    car.enough_a = _enough_a(car, place.lease.last or place.floor.last, now)
    return car.most_a if car.enough_a is None else min(car.most_a, car.enough_a)


def _enough_a(car: Car, last: Entry | None, now: float) -> float | None:
    """What is left by a car that draws less than it may goes to others; now and then it is offered more again."""
    if car.drawn_a is None or last is None or int(now // 60) % PROBE_EVERY_MIN == 0:
        return None
    if car.enough_a is not None and car.drawn_a < car.enough_a - 1.0:
        return car.enough_a
    is_settled = last.is_confirmed and car.drawn_at - last.sent_at >= SETTLED_S
    return max(FLOOR_A, car.drawn_a + 2.0) if is_settled and car.drawn_a < DRAWS_LESS * last.limit_a else None


def need_a(car: Car | None, now: float, volts: float) -> float:
    """What it must have from now on to be full when it leaves; NaN where nobody knows."""
    if car is None or car.rest_wh is None or car.departs_at is None:
        return float("nan")
    left_s = car.departs_at - now
    if left_s <= 0:
        return float("nan")  # it is still here; nobody knows for how long
    return max(0.0, car.rest_wh) * 3600 / left_s / (volts * car.phases)
