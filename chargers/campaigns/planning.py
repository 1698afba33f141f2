"""Who may update next, who waits and why, and whether too many have failed. Pure: knows no row, no clock, no order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
RING_WAITS = phrase("Ring {ring} begins when ring {before} is through.")
MOST_AT_ONCE = phrase("{most} at once is the most; its turn comes.")
MOST_AT_SITE = phrase("{most} at once is the most at its site; its turn comes.")
TOO_MANY_FAILED = phrase("{failed} of {size} failed in ring {ring}: {share:.0f} %, and {most} % is the most that may.")

WAITING, UPDATING, SOAKING, FAILED = "waiting", "updating", "soaking", "failed"
UNDER_WAY = (WAITING, UPDATING, SOAKING)
LEFT_OUT = ("skipped", "cancelled")
DOWNLOAD_S = 600  # in which each charger should have its file, if bandwidth is bounded


@dataclass(frozen=True, slots=True)
class Place:
    """A charger's place in a campaign. ``hindrance``: why it cannot go now whatever the others do, a sentence."""

    id: int
    ring: int
    state: str
    site: int | None = None
    hindrance: str = ""
    is_excused: bool = False  # it failed, and staff went on all the same


@dataclass(frozen=True, slots=True)
class Limits:
    """How many at once, 0 for any number; ``halt_percent`` of a ring may fail."""

    at_once: int = 0
    per_site: int = 0
    halt_percent: int = 10


@dataclass(slots=True)
class Plan:
    start: list[int] = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)  # of each other one that waits
    ring: int | None = None  # the one that is at work; None: all are through
    halt: str = ""  # why it must not go on


def plan(places: Sequence[Place], limits: Limits) -> Plan:
    """What to do next. A ring begins when the one before is through; nobody goes while a ring has failed too often."""
    found = Plan(ring=min((place.ring for place in places if place.state in UNDER_WAY), default=None))
    found.halt = _too_many_failed(places, limits.halt_percent)
    busy = Counter(place.site for place in places if place.state == UPDATING)
    running = busy.total()
    for place in places:
        if place.state != WAITING:
            continue
        if found.halt:
            found.why[place.id] = phrase("The campaign has halted.")
        elif place.ring != found.ring:
            found.why[place.id] = RING_WAITS.format(ring=place.ring, before=place.ring - 1)
        elif place.hindrance:
            found.why[place.id] = place.hindrance
        elif limits.at_once and running >= limits.at_once:
            found.why[place.id] = MOST_AT_ONCE.format(most=limits.at_once)
        elif limits.per_site and place.site is not None and busy[place.site] >= limits.per_site:
            found.why[place.id] = MOST_AT_SITE.format(most=limits.per_site)
        else:
            found.start.append(place.id)
            busy[place.site] += 1
            running += 1
    return found


def _too_many_failed(places: Sequence[Place], halt_percent: int) -> str:
    sizes = Counter(place.ring for place in places if place.state not in LEFT_OUT)
    failed = Counter(place.ring for place in places if place.state == FAILED and not place.is_excused)
    for ring in sorted(failed):
        if failed[ring] * 100 > halt_percent * sizes[ring]:
            share = 100 * failed[ring] / sizes[ring]
            return TOO_MANY_FAILED.format(
                failed=failed[ring], size=sizes[ring], ring=ring, share=share, most=halt_percent
            )
    return ""


def by_bandwidth(bytes_per_s: int, size_bytes: int) -> int:
    """How many may fetch at once so that each has its file within `DOWNLOAD_S`; one at least, 0 without a bound."""
    return max(1, bytes_per_s * DOWNLOAD_S // max(1, size_bytes)) if bytes_per_s else 0


def smaller(*limits: int) -> int:
    """The tightest of limits of which 0 is none."""
    return min((limit for limit in limits if limit), default=0)
