"""The bus over MQTT 3.1.1: a pool of connections, each for up to `MQTT_CHARGERS_PER_CONNECTION` chargers.

Nothing of MQTT 5 is used, so it runs unchanged on AWS IoT Core, Mosquitto, EMQX, HiveMQ and NATS. Quotas that bind, and
what we do about them:

- **NATS**: a payload up to ``max_payload`` (`up` sets 8 MB); a QoS 1 subscription is a JetStream consumer, so a
  thousand of them crawl: ours have QoS 0. No ``$share``.
- **Mosquitto**: ``max_inflight_messages`` 20 and ``max_queued_messages`` 1,000 per client by default: raise both for
  the workers; ``set_tcp_nodelay true``, or each answer waits for the acknowledgement of the one before.
- **AWS IoT Core**, per connection: 50 subscriptions, 8 in a SUBSCRIBE; 100 publishes/s in and out together, the excess
  is **discarded**, so each of our connections stops at ``MQTT_PUBLISHES_PER_S`` (80) and what waits goes out in its
  turn: with 25 chargers on each, 1.6 frames/s of every charger both ways; 512 KiB/s; 100 unacknowledged each way (a
  worker's share of ``MQTT_WORKER_CONNECTIONS``). Per message: 128 KB (larger frames go by the database,
  ``MQTT_PAYLOAD_LIMIT_BYTES``); 7 slashes and 256 bytes of topic. Per account: 500 CONNECT/s, of which a gateway takes
  ``MQTT_CONNECTS_PER_S`` (50); 1 CONNECT/s of one client id; 20,000 publishes/s each way (2,000 in small regions).
  Client id 128 bytes; keep-alive 30–1,200 s; no QoS 2; QoS 1 is tried for an hour, a persistent session kept for one.
  With ``MQTT_CHARGERS_PER_CONNECTION=1`` the client id is the charger's Thing name (`topics.thing`): take-over by
  client id and life-cycle events work as in the AWS sample.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from gateway import topics
from gateway.bus import FrameHeard, NewsHeard, NotLinked
from gateway.bus.address import connect_args
from gateway.bus.link import Link
from gateway.bus.pace import Bucket, Pace, Window

# What chargers say within that time goes out together, and so reaches broker and worker together: each hop costs more
# for waking up than for a frame.
COLLECT_S = 0.018


@dataclass(slots=True)
class Seat:
    """Where a charger's topic is subscribed, and how many connections of the charger count on it.

    Without a link: another process has the charger, and those who still count on the seat are about to leave.
    """

    link: Link | None
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
        publishes_per_s: float = 0.0,
        connects_per_s: float = 0.0,
    ) -> None:
        self._broker = connect_args(url)
        self._name = name
        self._capacity = max(1, chargers_per_connection)
        self._will = will
        self._greeting = greeting
        self._pace = Pace(publishes_per_s, Bucket(connects_per_s), Window(COLLECT_S))
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
        self._control = self._dial(self._name, on_message=self._news, on_up=self._greet, will=self._will)
        for pattern in on_news:
            self._control.want(pattern)

    async def stop(self) -> None:
        links = [*self._links, *([self._control] if self._control else [])]
        await asyncio.gather(*(link.close() for link in links))
        self._links.clear()
        self._seats.clear()
        self._control = None

    async def listen(self, key: str) -> None:
        link = self._link_with_room(key) if self._link_of(key) is None else None
        seat = self._seats.setdefault(key, Seat(link, guests=0))
        seat.link = link or seat.link
        seat.guests += 1
        assert seat.link is not None
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
            self._free(seat, key)

    def surrender(self, key: str) -> None:
        """Under the same client id we would take the charger's connection back from who has it now."""
        if self._capacity == 1 and (seat := self._seats.get(key)) is not None:
            self._free(seat, key)

    def relay(self, key: str, text: str) -> None:
        if (link := self._link_of(key)) is not None:
            link.publish(topics.inbound(key), text.encode())

    def announce(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self._control is not None:
            self._control.publish(topic, payload, retain=retain)

    def tick(self) -> None:
        for link in (*self._links, *([self._control] if self._control else [])):
            link.tick()

    def start_over(self) -> None:
        for link in (*self._links, *([self._control] if self._control else [])):
            link.start_over()

    def _link_of(self, key: str) -> Link | None:
        seat = self._seats.get(key)
        return seat.link if seat is not None else None

    def _free(self, seat: Seat, key: str) -> None:
        link, seat.link = seat.link, None
        if link is not None:
            link.unsubscribe(topics.outbound(key))
            self._close_if_spare(link)

    def _link_with_room(self, key: str) -> Link:
        if self._control is None:
            raise NotLinked("The bus was not started, or is stopped already.")
        if self._capacity > 1:
            # The newest link first: the older ones are full, or were once.
            for link in reversed(self._links):
                if link.load < self._capacity:
                    return link
        self._made += 1
        is_own = self._capacity == 1
        client_id = topics.thing(topics.identity(key)) if is_own else f"{self._name}-{self._made}"
        link = self._dial(client_id, on_message=self._frame, is_contested=is_own)
        self._links.append(link)
        return link

    def _dial(self, client_id: str, **how: Any) -> Link:
        return Link(self._broker, client_id, pace=self._pace, **how)

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
