"""The ribbon: the states of one connector over a day as a row of bands. Pure; knows no tables and no HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

DAY = timedelta(hours=24)
# A charger that came an hour ago has no day yet; its first minutes would be a line too thin to see.
WINDOWS = (timedelta(hours=1), timedelta(hours=6), DAY)
SLOTS = 480  # 3 min each over a day: about a pixel, and a bound for the page however nervous a charger is

# Of the states within one slot the ribbon shows the first of these: a short fault must not vanish.
LOUDEST = (
    "faulted",
    "offline",
    "unavailable",
    "charging",
    "suspended",
    "preparing",
    "reserved",
    "available",
    "unknown",
)
_RANK = {state: rank for rank, state in enumerate(LOUDEST)}

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of one state; ``x`` and ``width`` count slots."""

    state: str
    x: int
    width: int
    starts_at: datetime
    ends_at: datetime


def window(age: timedelta) -> timedelta:
    """How far back the ribbon of a charger reaches that is known for so long."""
    return next((window for window in WINDOWS if age <= window), DAY)


def bands(
    changes: Iterable[tuple[datetime, str]], *, offline: Sequence[Span] = (), since: datetime, until: datetime
) -> list[Band]:
    """Bands from ``since`` to ``until``, side by side, equal neighbours joined.

    ``changes``: (moment, state) in order of time; one before ``since`` says what the day began with, without it the
    state is "unknown" until the first. ``offline``: spans without a connection, when nothing is known of a connector.
    """
    slot = (until - since) / SLOTS
    row = ["unknown"] * SLOTS
    is_told = [False] * SLOTS
    spans = [*_spans(changes, since, until), *((start, end, "offline") for start, end in offline)]
    for start, end, state in spans:
        first = max(0, math.floor((start - since) / slot))
        last = min(SLOTS, max(first + 1, math.ceil((end - since) / slot)))
        for index in range(first, last):
            if not is_told[index] or _RANK[state] < _RANK[row[index]]:
                row[index], is_told[index] = state, True
    found, x = [], 0
    for state, equal in groupby(row):
        width = len(list(equal))
        found.append(Band(state, x, width, since + x * slot, since + (x + width) * slot))
        x += width
    return found


def gaps(connections: Iterable[tuple[datetime, datetime | None]], *, since: datetime, until: datetime) -> list[Span]:
    """The spans between ``since`` and ``until`` that no connection (start, end or None) covers."""
    found: list[Span] = []
    covered = since
    for start, end in sorted(connections, key=lambda connection: connection[0]):
        if start > covered:
            found.append((covered, min(start, until)))
        covered = max(covered, end or until)
        if covered >= until:
            return found
    return [*found, (covered, until)]


def _spans(
    changes: Iterable[tuple[datetime, str]], since: datetime, until: datetime
) -> list[tuple[datetime, datetime, str]]:
    """Each state with its start and end, cut to the day."""
    ordered = list(changes)
    ends = [moment for moment, _ in ordered[1:]] + [until] * bool(ordered)
    return [
        (max(start, since), min(end, until), state)
        for (start, state), end in zip(ordered, ends, strict=True)
        if end > since and start < until
    ]
