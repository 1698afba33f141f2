"""Whose turn it is: how many CALLs of this process are with the workers at once, while the others wait here.

Thousands of chargers that boot together would put more into the broker than is answered within the 5 s after which a
CALL is published again, and the repeats would take what is left of the workers. First come, first served: a charger
has one CALL at a time, so nobody gets ahead by asking more. Knows no frame.
"""

from __future__ import annotations

from typing import Protocol

# Three full batches: one in each of two hands, and one on its way.
AT_ONCE = 600


class Asker(Protocol):
    def go(self, now: float) -> None:
        """It is your turn."""


class Turns:
    """Times are seconds of a monotonic clock. Each `take` wants a `give_back`."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = at_once
        self._line: dict[Asker, None] = {}

    @property
    def waiting(self) -> int:
        return len(self._line)

    def take(self, asker: Asker, now: float) -> None:
        """Tell the asker to go, now or when it is its turn."""
        if self._free:
            self._free -= 1
            asker.go(now)
        else:
            self._line[asker] = None

    def give_back(self, asker: Asker, now: float) -> None:
        """The asker is through, or waits no more."""
        if asker in self._line:
            del self._line[asker]
        elif self._line:
            following = next(iter(self._line))
            del self._line[following]
            following.go(now)
        else:
            self._free += 1
