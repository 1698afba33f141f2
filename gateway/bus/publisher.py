"""Publishing to MQTT from a process that does not subscribe: Celery tasks, management commands.

One connection per process, made at first use and kept. The ingest of the worker and the gateway have their own.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.bus.address import connect_args
from gateway.bus.pace import Bucket

log = structlog.get_logger(__name__)

PATIENCE_S = 5.0


class Publication(NamedTuple):
    """Something to be said on the bus once the transaction that caused it has committed."""

    topic: str
    payload: bytes
    # 0 for what heals by itself: a reply (the gateway asks again after 5 s), a sample that is followed by another; and
    # for commands, which must not go out twice or late. NATS writes each QoS 1 message to disk, subscribed or not.
    # 1 for what is said only once: most events.
    qos: int = 0
    retain: bool = False


def cleared(topic: str) -> Publication:
    """What takes back the message retained on a topic."""
    return Publication(topic, b"", qos=1, retain=True)


class BusAway(RuntimeError):
    """The MQTT broker cannot be reached; nothing was published."""


class Publisher:
    def __init__(self, url: str, *, publishes_per_s: float = 0.0) -> None:
        self._bucket = Bucket(publishes_per_s)
        self._address = connect_args(url)
        self._is_connected = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="", clean_session=True)
        self._address.introduce(self._client)
        self._client.max_inflight_messages_set(1000)
        self._client.reconnect_delay_set(1, 10)
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *_: self._is_connected.clear()
        self._client.connect_async(self._address.host, self._address.port)
        self._client.loop_start()

    def _connected(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        if not reason.is_failure:  # a broker that refuses us answers as well
            self._is_connected.set()

    def require(self) -> None:
        """Wait until there is a connection; to be called before anything is decided that must be published.

        Raises BusAway.
        """
        if not self._is_connected.wait(PATIENCE_S):
            raise BusAway(f"No connection to the MQTT broker at {self._address} within {PATIENCE_S:.0f} s.")

    def publish(self, publications: Iterable[Publication]) -> None:
        """Publish, no faster than the broker takes it, and return when it has it all, or 5 s after the last one.

        What has QoS 1 then follows by itself.
        """
        pending = []
        for publication in publications:
            if wait_s := self._bucket.wait_s(time.monotonic()):
                time.sleep(wait_s)
            self._bucket.spend(time.monotonic())
            pending.append(self._client.publish(*publication))
        for message in pending:
            try:
                message.wait_for_publish(PATIENCE_S)
            except (RuntimeError, ValueError) as error:  # the link was lost since `require`
                log.warning("not_published", broker=str(self._address), error=str(error))

    def publish_when_there(self, publications: Iterable[Publication]) -> None:
        """`require` and `publish`. Raises BusAway."""
        self.require()
        self.publish(publications)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@cache
def _of_process(pid: int) -> Publisher:
    return Publisher(settings.MQTT_URL, publishes_per_s=settings.MQTT_PUBLISHES_PER_S)


def of_this_process() -> Publisher:
    """The publisher of this process, made at first use. A forked child makes its own: a connection cannot be shared."""
    return _of_process(os.getpid())
