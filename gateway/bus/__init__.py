"""How frames leave and reach a gateway process. `mqtt` is the real one, `memory` its twin for tests.

A bus knows topics and bytes, no frame and no socket. All methods belong to the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

FrameHeard = Callable[[str, str], None]  # key, text
NewsHeard = Callable[[str, bytes], None]  # topic, payload


class NotLinked(Exception):
    """The broker cannot be reached, or did not confirm a subscription in time."""


class Bus(Protocol):
    @property
    def is_linked(self) -> bool:
        """Whether the broker is there, as far as we know."""

    def start(self, on_frame: FrameHeard, on_news: dict[str, NewsHeard]) -> None:
        """Link up, and stay so until `stop`. ``on_news``: what to do with each announcement, by topic filter.

        Retained messages are not news: they tell how things were before we came.
        """

    async def stop(self) -> None:
        """Say goodbye and unlink."""

    async def listen(self, key: str) -> None:
        """Hear the frames to a charger, from the broker's confirmation on. Raises NotLinked.

        Counted: each `listen` wants a `leave`.
        """

    def leave(self, key: str) -> None:
        """Hear them no more."""

    def surrender(self, key: str) -> None:
        """Another process has this charger now; who listens here is about to leave."""

    def relay(self, key: str, text: str) -> None:
        """Publish a frame of a charger that we listen to. May be lost: whoever needs an answer asks again."""

    def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish something about this process. May be lost."""

    def tick(self) -> None:
        """Once a second: keep-alives."""

    def start_over(self) -> None:
        """Link up anew: the broker says nothing, and the link may be deaf without anybody having been told."""
