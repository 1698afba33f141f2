"""Counts failed handshakes, and failures only: behind one address of a mobile network stand hundreds of good chargers.

Two limits a minute: for one identity from one address, and for an address in all. The first is not for the identity as
such, or anybody who knows a charger's name could lock it out. The second is not for a charger that has come in from
this address before, or ten bad neighbours could lock it out.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from chargers.addresses import network

WINDOW_S = 60.0
PER_IDENTITY = 10
PER_ADDRESS = 100


class Throttle:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._began = 0.0
        self._by_identity: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._by_address: defaultdict[str, int] = defaultdict(int)
        self._under_way: Counter[tuple[str, str]] = Counter()

    def wait_s(self, identity: str, address: str, now: float, *, is_known_here: bool = False) -> int:
        """Whole seconds until this caller may try again; 0: now."""
        self._turn(now)
        address = network(address)
        tries = self._by_identity.get((identity, address), 0) + self._under_way[identity, address]
        is_over = tries >= PER_IDENTITY or (not is_known_here and self._by_address.get(address, 0) >= PER_ADDRESS)
        return math.ceil(self._began + WINDOW_S - now) if is_over else 0

    def failed(self, identity: str, address: str, now: float) -> int:
        """Count a failure; how many this identity now has from this address."""
        self._turn(now)
        address = network(address)
        self._by_identity[identity, address] += 1
        self._by_address[address] += 1
        return self._by_identity[identity, address]

    @contextmanager
    def trying(self, identity: str, address: str) -> Iterator[None]:
        """While it takes time to tell, it counts as failed: a thousand at once are no more than one after the other."""
        key = identity, network(address)
        self._under_way[key] += 1
        try:
            yield
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    def _turn(self, now: float) -> None:
        """A new minute forgets everything, so the tables stay small."""
        if now - self._began >= WINDOW_S:
            self._began = now
            self._by_identity.clear()
            self._by_address.clear()
