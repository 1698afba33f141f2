"""The worker's MQTT link: hears frames, publishes replies, acknowledges. Knows no database and no OCPP.

Manual acknowledgement, persistent session, stable client id: what is not done when we die comes again. An
acknowledgement is only sent on the link that delivered the message, for packet ids start anew with each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import structlog
from django.conf import settings
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway import crash, topics
from gateway.bus.address import connect_args
from gateway.bus.publisher import Publication
from gateway.ingest.batcher import Frame

log = structlog.get_logger(__name__)

# A half-open link is found after twice that, when gateways only begin to send chargers away.
KEEPALIVE_S = 5
# One name for all workers: each frame goes to one of them.
SHARE = "$share/chargeyard/"
SUFFIX = "/in"


class Subscriber:
    """Callbacks come on paho's thread."""

    def __init__(
        self,
        client_id: str,
        *,
        on_frame: Callable[[Frame], None],
        on_gateway_lost: Callable[[str], None],
        will: Publication,
    ) -> None:
        self._on_frame = on_frame
        self._on_gateway_lost = on_gateway_lost
        self._link = 0  # grows with each loss: acknowledgements for an earlier one are void
        self._guard = threading.Lock()
        self._address = connect_args(settings.MQTT_URL)
        self._prefix = settings.MQTT_PREFIX
        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True)
        self._address.introduce(client)
        client.max_inflight_messages_set(1000)  # paho refuses to change it once connected
        client.reconnect_delay_set(1, 3)  # less than gateways wait before they send chargers away
        client.will_set(will.topic, will.payload, qos=1)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._heard
        self._client = client

    def start(self) -> None:
        """Connect in the background and stay connected for ever."""
        self._client.connect_async(self._address.host, self._address.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def publish(self, publications: Iterable[Publication]) -> None:
        """Publish; while the link is down, what has QoS 1 waits for it and the rest is lost."""
        for publication in publications:
            self._client.publish(*publication)

    def acknowledge(self, frames: Iterable[Frame]) -> None:
        with self._guard:
            for frame in frames:
                if frame.packet and frame.link == self._link:
                    crash.at("worker.before_ack")
                    self._client.ack(frame.packet, 1)

    def stop(self, *, farewell: Publication) -> None:
        """Send what waits (up to 2 s), say goodbye and end."""
        if self._client.is_connected():
            self._client.publish(farewell.topic, farewell.payload, qos=1).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("mqtt_refused", broker=str(self._address), reason=str(reason))
            return
        log.info("mqtt_connected", broker=str(self._address), session_present=flags.session_present)
        share = SHARE if settings.MQTT_SHARED_SUBSCRIPTIONS else ""
        client.subscribe([(f"{share}{self._prefix}+{SUFFIX}", 1), (topics.every_gateway_status(), 0)])

    def _disconnected(
        self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        with self._guard:
            self._link += 1
        tell = log.warning if reason.is_failure else log.info  # our own goodbye is no news
        tell("mqtt_disconnected", broker=str(self._address), reason=str(reason))

    def _heard(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        topic = message.topic
        if topic.endswith(SUFFIX):
            crash.at("worker.frame_heard")
            key = topic[len(self._prefix) : -len(SUFFIX)]
            packet = message.mid if message.qos else 0
            self._on_frame(Frame(key, bytes(message.payload), time.time(), packet, self._link))
        elif topics.covers(topics.every_gateway_status(), topic):
            gateway = _lost_gateway(message.payload)
            if gateway:
                self._on_gateway_lost(gateway)


def _lost_gateway(payload: bytes | bytearray) -> str:
    """The name of the gateway that this status says is offline; empty for any other status."""
    try:
        status = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    match status:
        case {"gateway": str(name), "status": "offline"}:
            return name
    return ""
