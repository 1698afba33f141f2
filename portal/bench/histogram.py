"""Durations by the million in a few hundred numbers, exact to one percent; many can be added up. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

GROWTH = 1.02  # each bucket is 2 % wider than the one before
SHORTEST_S = 1e-6
_LOG_GROWTH = math.log(GROWTH)


class Histogram:
    """Times in seconds."""

    def __init__(self, buckets: dict[int, int] | None = None) -> None:
        self._buckets: Counter[int] = Counter(buckets)

    def add(self, seconds: float) -> None:
        self._buckets[int(math.log(max(seconds, SHORTEST_S) / SHORTEST_S) / _LOG_GROWTH)] += 1

    @property
    def count(self) -> int:
        return self._buckets.total()

    def quantile(self, share: float) -> float | None:
        """The time that ``share`` (0 to 1) of all stay within; None if there are none."""
        wanted = max(1, math.ceil(share * self.count))
        for bucket in sorted(self._buckets):
            wanted -= self._buckets[bucket]
            if wanted <= 0:
                return float(SHORTEST_S * GROWTH ** (bucket + 0.5))
        return None

    def within(self, seconds: float) -> float:
        """Which share of all is at most ``seconds``; 0 if there are none."""
        limit = int(math.log(max(seconds, SHORTEST_S) / SHORTEST_S) / _LOG_GROWTH)
        return sum(n for bucket, n in self._buckets.items() if bucket <= limit) / max(1, self.count)

    def dump(self) -> list[list[int]]:
        """As JSON can carry it; `load` reads it."""
        return [[bucket, times] for bucket, times in sorted(self._buckets.items())]

    @classmethod
    def load(cls, pairs: Iterable[Iterable[int]]) -> Histogram:
        histogram = cls()
        for bucket, times in pairs:
            histogram._buckets[bucket] += times
        return histogram

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self._buckets + other._buckets)
