"""The edge's MQTT connection to the broker at the site. What comes waits in a queue for the one thread that thinks."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from typing import Any, NamedTuple

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway import topics
from gateway.bus.address import connect_args
from gateway.bus.publisher import Publication

KEEPALIVE_S = 5
MOST_WAITING = 100_000

log = structlog.get_logger(__name__)


class Heard(NamedTuple):
    topic: str
    payload: bytes
    is_retained: bool


class Line:
    def __init__(self, url: str, site: int, *, will: Publication) -> None:
        self.heard: queue.Queue[Heard] = queue.Queue(MOST_WAITING)
        self._site = site
        self._address = connect_args(url)
        self._keys: set[str] = set()
        # One name for each site: of two edges the broker keeps the younger.
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"chargeyard-edge-{site}", clean_session=True)
        self._address.introduce(self._client)
        self._client.reconnect_delay_set(1, 3)
        self._client.will_set(will.topic, will.payload, qos=1)
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *_: log.warning("mqtt_disconnected", broker=str(self._address))
        self._client.on_message = self._hear

    def start(self) -> None:
        self._client.connect_async(self._address.host, self._address.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def follow(self, keys: set[str]) -> None:
        """Hear the frames of these chargers from now on, and of no others."""
        new, old = keys - self._keys, self._keys - keys
        self._keys = set(keys)
        if new and self._client.is_connected():
            self._client.subscribe(_frames_of(new))
        if old and self._client.is_connected():
            self._client.unsubscribe([topic for topic, _ in _frames_of(old)])

    def say(self, publications: Iterable[Publication]) -> None:
        """Publish; while there is no connection it is lost, for an old limit must not go out later."""
        for publication in publications:
            if self._client.is_connected():
                self._client.publish(*publication)

    def stop(self, farewell: Publication) -> None:
        if self._client.is_connected():
            self._client.publish(*farewell).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("mqtt_refused", broker=str(self._address), reason=str(reason))
            return
        log.info("mqtt_connected", broker=str(self._address))
        own = [topics.site(self._site, "brief"), topics.site(self._site, "meter"), topics.every_worker_status()]
        client.subscribe([(topic, 1) for topic in own] + _frames_of(self._keys))

    def _hear(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        try:
            self.heard.put_nowait(Heard(message.topic, bytes(message.payload), bool(message.retain)))
        except queue.Full:
            log.error("too_much_to_hear", topic=message.topic)  # noqa: TRY400 - there is nothing more to say


def _frames_of(keys: set[str]) -> list[tuple[str, int]]:
    return [(topic, 1) for key in sorted(keys) for topic in (topics.inbound(key), topics.outbound(key))]
