"""Where a worker's frames come from: the MQTT broker itself (`subscriber`), or a queue that a rule fills (`queue`).

Either way they go to the same desk, are done by the same code, and are acknowledged when they are stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.bus.publisher import Publication
from gateway.ingest.batcher import Frame


class Source(Protocol):
    def acknowledge(self, frames: Iterable[Frame]) -> None:
        """These are stored; from any thread. What is not acknowledged comes again."""


class Speaker(Protocol):
    def publish(self, publications: Iterable[Publication]) -> None: ...


class Counter:
    """Both ends as a foreman needs them: answers go out by MQTT, acknowledgements to where the frame came from."""

    def __init__(self, speaker: Speaker, *sources: Source) -> None:
        self.publish = speaker.publish
        self._sources = sources

    def acknowledge(self, frames: list[Frame]) -> None:
        for source in self._sources:
            source.acknowledge(frames)  # each knows its own
