"""The bus without a broker, for tests: several gateways of one test may share a `Switch`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from gateway import topics
from gateway.bus import FrameHeard, NewsHeard, NotLinked


class Switch:
    """The broker's part. ``frames``: what chargers sent, in order, as (key, text). ``news``: (topic, payload)."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, str]] = []
        self.news: list[tuple[str, bytes]] = []
        self.buses: list[MemoryBus] = []
        # Set to play the workers: called with each frame of a charger.
        self.worker: Callable[[str, str], None] | None = None

    def send(self, key: str, text: str) -> None:
        """A frame to a charger, as a worker publishes it."""
        for bus in self.buses:
            bus.hear_frame(key, text)

    def publish(self, topic: str, payload: bytes) -> None:
        self.news.append((topic, payload))
        for bus in self.buses:
            bus.hear_news(topic, payload)


class MemoryBus:
    def __init__(self, switch: Switch | None = None) -> None:
        self.switch = switch or Switch()
        self.is_linked = False
        self.listening: Counter[str] = Counter()
        self._on_frame: FrameHeard | None = None
        self._on_news: dict[str, NewsHeard] = {}

    def start(self, on_frame: FrameHeard, on_news: dict[str, NewsHeard]) -> None:
        self._on_frame, self._on_news = on_frame, on_news
        self.is_linked = True
        self.switch.buses.append(self)

    async def stop(self) -> None:
        self.is_linked = False
        self.switch.buses.remove(self)

    async def listen(self, key: str) -> None:
        if not self.is_linked:
            raise NotLinked("The memory bus is switched off.")
        self.listening[key] += 1

    def leave(self, key: str) -> None:
        self.listening[key] -= 1
        self.listening += Counter()  # drops what is zero

    def surrender(self, key: str) -> None:
        """Nothing is contested here."""

    def relay(self, key: str, text: str) -> None:
        self.switch.frames.append((key, text))
        if self.switch.worker is not None:
            self.switch.worker(key, text)

    def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.switch.publish(topic, payload)

    def tick(self) -> None:
        """Nothing to keep alive."""

    def start_over(self) -> None:
        """Never deaf."""

    def hear_frame(self, key: str, text: str) -> None:
        if self._on_frame is not None and key in self.listening:
            self._on_frame(key, text)

    def hear_news(self, topic: str, payload: bytes) -> None:
        for pattern, heard in self._on_news.items():
            if topics.covers(pattern, topic):
                heard(topic, payload)
