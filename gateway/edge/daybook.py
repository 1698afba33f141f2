"""What the edge's plans saw by five minutes, kept until the cloud has it: so the picture of a day has no gap.

The cloud says in its briefs how far it has come; each report tells what follows, the running five minutes too.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gateway.edge.journal import Journal, Moment
from smartcharging import sampling
from smartcharging.sampling import Sample

AT_ONCE = 24  # in one report
KEPT_S = 30 * 86_400.0  # without the cloud


class DayBook:
    """``until``: the cloud has all before that; that itself may still grow."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._new: dict[Moment, Sample] = {}  # not on the disk yet
        latest = journal.latest_sample()
        self._running = sampling.read(latest) if latest is not None else None
        self.until: Moment = (0.0, 0.0)

    def add(self, seen: Sample) -> None:
        if self._running is None or self._running.at != seen.at:
            self._running = seen
            self.until = max(self.until, (seen.at - KEPT_S, 0.0))
        else:
            sampling.add(self._running, seen)
        self._new[self._running.at, self._running.since] = self._running

    def to_tell(self) -> list[dict[str, Any]]:
        """The oldest that the cloud has yet to hear of."""
        kept = {(told["at"], told["since"]): told for told in self._journal.samples(AT_ONCE)}
        kept |= {moment: asdict(sample) for moment, sample in self._new.items()}
        return [kept[moment] for moment in sorted(kept) if moment >= self.until][:AT_ONCE]

    def take(self) -> dict[Moment, dict[str, Any]]:
        """What is to be written now."""
        taken = {moment: asdict(sample) for moment, sample in self._new.items()}
        self._new = {}
        return taken
