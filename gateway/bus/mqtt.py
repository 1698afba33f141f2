"""The bus over MQTT 3.1.1: a pool of connections, each for up to `MQTT_CHARGERS_PER_CONNECTION` chargers.

Nothing of MQTT 5 is used, so it runs unchanged on AWS IoT Core, Mosquitto, EMQX, HiveMQ and NATS. Quotas that bind, and
what we do about them:

- **NATS**: a payload up to ``max_payload`` (`up` sets 8 MB); a QoS 1 subscription is a JetStream consumer, so a
  thousand of them crawl: ours have QoS 0. No ``$share``.
- **Mosquitto**: ``max_inflight_messages`` 20 and ``max_queued_messages`` 1,000 per client by default: raise both for
  the workers; ``set_tcp_nodelay true``, or each answer waits for the acknowledgement of the one before.
- **AWS IoT Core**: 50 subscriptions, 100 publishes/s in and out (the excess is **discarded**) and 512 KiB/s per
  connection: with 25 chargers on each, 2 frames/s of every charger both ways; 8 filters per SUBSCRIBE; 128 KB
  per payload; 7 slashes and 256 bytes per topic; client id 128 bytes; keep-alive 30–1,200 s; 500 CONNECT/s per account
  and 1/s per client id. With ``MQTT_CHARGERS_PER_CONNECTION=1`` the client id is the charger's key, which is its Thing
  name: life-cycle events and per-Thing policies work as in the AWS sample.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway import topics
from gateway.bus import FrameHeard, NewsHeard, NotLinked
from gateway.bus.address import connect_args
from gateway.bus.link import Link


@dataclass(slots=True)
class Seat:
    """Where a charger's topic is subscribed, and how many connections of the charger count on it."""

    link: Link
    guests: int = 1


class MqttBus:
    """``will``: topic and payload that the broker publishes, retained, should this process die."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        chargers_per_connection: int,
        will: tuple[str, bytes] | None = None,
        greeting: bytes | None = None,
    ) -> None:
        self._broker = connect_args(url)
        self._name = name
        self._capacity = max(1, chargers_per_connection)
        self._will = will
        self._greeting = greeting
        self._control: Link | None = None
        self._links: list[Link] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._made = 0
        self._seats: dict[str, Seat] = {}
        self._on_news: dict[str, NewsHeard] = {}
        self._on_frame: FrameHeard | None = None

    @property
    def is_linked(self) -> bool:
        return self._control is not None and self._control.is_up

    def start(self, on_frame: FrameHeard, on_news: dict[str, NewsHeard]) -> None:
        self._on_frame, self._on_news = on_frame, on_news
        self._control = Link(self._broker, self._name, on_message=self._news, on_up=self._greet, will=self._will)
        for pattern in on_news:
            self._control.want(pattern)

    async def stop(self) -> None:
        links = [*self._links, *([self._control] if self._control else [])]
        await asyncio.gather(*(link.close() for link in links))
        self._links.clear()
        self._seats.clear()
        self._control = None

    async def listen(self, key: str) -> None:
        seat = self._seats.get(key)
        if seat is None:
            seat = self._seats[key] = Seat(self._link_with_room(key))
        else:
            seat.guests += 1
        try:
            await seat.link.subscribe(topics.outbound(key))
        except BaseException:
            self.leave(key)
            raise

    def leave(self, key: str) -> None:
        if (seat := self._seats.get(key)) is None:
            return
        seat.guests -= 1
        if seat.guests == 0:
            del self._seats[key]
            seat.link.unsubscribe(topics.outbound(key))
            self._close_if_spare(seat.link)

    def relay(self, key: str, text: str) -> None:
        if (seat := self._seats.get(key)) is not None:
            seat.link.publish(topics.inbound(key), text.encode())

    def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self._control is not None:
            self._control.publish(topic, payload, retain=retain)

    def tick(self) -> None:
        for link in (*self._links, *([self._control] if self._control else [])):
            link.tick()

    def start_over(self) -> None:
        for link in (*self._links, *([self._control] if self._control else [])):
            link.start_over()

    def _link_with_room(self, key: str) -> Link:
        if self._control is None:
            raise NotLinked("The bus was not started, or is stopped already.")
        if self._capacity > 1:
            # The newest link first: the older ones are full, or were once.
            for link in reversed(self._links):
                if link.load < self._capacity:
                    return link
        self._made += 1
        client_id = key if self._capacity == 1 else f"{self._name}-{self._made}"
        link = Link(self._broker, client_id, on_message=self._frame)
        self._links.append(link)
        return link

    def _close_if_spare(self, link: Link) -> None:
        """One empty link is kept for the next charger; when each has its own, none is."""
        if link.load == 0 and (self._capacity == 1 or len(self._links) > 1):
            self._links.remove(link)
            closing = asyncio.get_running_loop().create_task(link.close())
            self._closing.add(closing)  # the loop itself does not hold a task
            closing.add_done_callback(self._closing.discard)

    def _greet(self) -> None:
        if self._will is not None and self._greeting is not None:
            self.announce(self._will[0], self._greeting, retain=True)

    def _frame(self, topic: str, payload: bytes, is_retained: bool) -> None:
        key = topics.key_of_outbound(topic)
        if key is not None and not is_retained and self._on_frame is not None:
            self._on_frame(key, payload.decode("utf-8", "replace"))

    def _news(self, topic: str, payload: bytes, is_retained: bool) -> None:
        if is_retained:
            return
        for pattern, heard in self._on_news.items():
            if topics.covers(pattern, topic):
                heard(topic, payload)
