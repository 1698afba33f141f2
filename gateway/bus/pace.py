"""How fast we may go where a broker takes only so much. Pure: times are seconds of any steady clock."""

from __future__ import annotations


class Bucket:
    """A token bucket: ``per_s`` on average, a second's worth at once. 0: no limit.

    What we cannot hold back, the messages that come to us, is spent all the same, and what we send waits for it; but
    never for longer than a second's worth of it.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._tokens = per_s
        self._filled_at = 0.0

    @property
    def is_limited(self) -> bool:
        return self._per_s > 0

    def wait_s(self, now: float) -> float:
        """Seconds until one may be spent; 0 if now."""
        if self._per_s <= 0:
            return 0.0
        self._fill(now)
        return max(0.0, (1.0 - self._tokens) / self._per_s)

    def spend(self, now: float) -> None:
        if self._per_s > 0:
            self._fill(now)
            self._tokens = max(self._tokens - 1.0, -self._per_s)

    def _fill(self, now: float) -> None:
        # A bucket is full when it is made, whenever the clock begins.
        self._tokens = min(self._per_s, self._tokens + max(0.0, now - self._filled_at) * self._per_s)
        self._filled_at = now
