"""The worker's MQTT link: hears frames, publishes replies, acknowledges. Knows no database and no OCPP.

Manual acknowledgement, persistent session, stable client id: what is not done when we die comes again. Where no worker
comes back under its name there is no session (`MQTT_WORKER_SESSIONS`), and gateways publish again what was not done. An
acknowledgement is only sent on the link that delivered the message, for packet ids start anew with each.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import structlog
from django.conf import settings
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway import crash, sites, topics
from gateway.bus import tls
from gateway.bus.address import connect_args
from gateway.bus.client import BufferedClient
from gateway.bus.pace import Bucket
from gateway.bus.publisher import Publication
from gateway.ingest.batcher import Frame
from gateway.iot import news

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
        on_frame: Callable[[Frame], None] | None = None,
        on_gateway_lost: Callable[[str], None] | None = None,
        on_cloud: Callable[[str, Frame], None] | None = None,
        on_site: Callable[[str, bytes, bool], None] | None = None,
        will: Publication | None = None,
        number: int = 0,
        of: int = 1,
    ) -> None:
        """Without ``on_frame`` it hears no frames, without ``on_gateway_lost`` no news. ``number``: among ``of``.

        ``on_cloud``: with the topic, what AWS IoT says of Things; to be acknowledged like a frame. ``on_site``: topic,
        payload and whether it was retained, of what meters of buildings and edges say.
        """
        self._on_frame = on_frame
        self._on_gateway_lost = on_gateway_lost
        self._on_cloud = on_cloud
        self._on_site = on_site
        # Grows with each loss: acknowledgements for an earlier one are void. No two subscribers ever have the same.
        self._link, self._step = number, of
        self._bucket = Bucket(settings.MQTT_PUBLISHES_PER_S)
        self._pacing = threading.Lock()
        self._guard = threading.Lock()
        self._address = connect_args(settings.MQTT_URL)
        self._prefix = settings.MQTT_PREFIX
        self._client = self._introduced(client_id, will)

    def _introduced(self, client_id: str, will: Publication | None) -> BufferedClient:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=not settings.MQTT_WORKER_SESSIONS,
            manual_ack=True,
            on_heard=self._heard,
        )
        self._address.introduce(client)
        client.reconnect_delay_set(1, 3)  # less than gateways wait before they send chargers away
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._not_connected
        return client

    def start(self) -> None:
        """Connect in the background and stay connected for ever."""
        self._client.connect_async(self._address.host, self._address.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def publish(self, publications: Iterable[Publication]) -> None:
        """Publish; while the link is down, what has QoS 1 waits for it and the rest is lost.

        Where the broker takes only so much (`MQTT_PUBLISHES_PER_S`), whoever calls waits: a worker that has more to say
        than it may takes no new frames meanwhile, and they stay with the broker.
        """
        if not self._bucket.is_limited:
            self._client.publish_all(publications)
            return
        for publication in publications:
            self._wait_for_turn()
            self._client.publish_all([publication])

    def wait_s(self) -> float:
        """For how long `publish` would wait now."""
        with self._pacing:
            return self._bucket.wait_s(time.monotonic())

    def _wait_for_turn(self) -> None:
        while True:
            with self._pacing:
                wait_s = self._bucket.wait_s(time.monotonic())
                if not wait_s:
                    self._bucket.spend(time.monotonic())
                    return
            time.sleep(wait_s)

    def acknowledge(self, frames: Iterable[Frame]) -> None:
        with self._guard:
            crash.at("worker.before_ack")
            self._client.acknowledge_all(frame.packet for frame in frames if frame.packet and frame.link == self._link)

    def stop(self, *, farewell: Publication | None = None) -> None:
        """Send what waits (up to 2 s), say goodbye and end."""
        if farewell is not None and self._client.is_connected():
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
        wanted = [(f"{share}{self._prefix}+{SUFFIX}", 1)] if self._on_frame is not None else []
        if self._on_gateway_lost is not None:
            wanted.append((topics.every_gateway_status(), 0))
        if self._on_site is not None:
            # The next one follows: what is lost is no loss. Several workers hear the same, and it may be done twice.
            wanted += [(topics.site("+", what), 0) for what in sites.HEARD]
        if self._on_cloud is not None:
            wanted += [(pattern, 1) for pattern in news.TOPICS]
        if wanted:
            client.subscribe(wanted)

    def _disconnected(
        self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        with self._guard:
            self._link += self._step
        tell = log.warning if reason.is_failure else log.info  # our own goodbye is no news
        tell("mqtt_disconnected", broker=str(self._address), reason=tls.flaw() or str(reason))

    def _not_connected(self, client: Client, userdata: Any) -> None:
        # paho tells that it failed and keeps why to itself, inside its own `except`.
        error = sys.exc_info()[1]
        why = tls.explain(error, self._address.host) if error is not None else "no connection"
        log.warning("no_mqtt_broker", broker=str(self._address), error=why)

    def _heard(self, topic: str, payload: bytes, is_retained: bool, packet: int) -> None:
        if self._bucket.is_limited:
            with self._pacing:
                self._bucket.spend(time.monotonic())
        if self._on_frame is not None and topic.endswith(SUFFIX):
            crash.at("worker.frame_heard")
            key = topic[len(self._prefix) : -len(SUFFIX)]
            self._on_frame(Frame(key, payload, time.time(), packet, self._link))
        elif self._on_cloud is not None and topic.startswith("$aws/"):
            self._on_cloud(topic, Frame("", payload, time.time(), packet, self._link))
        elif self._on_site is not None and topics.site_of(topic):
            self._on_site(topic, payload, is_retained)
        elif self._on_gateway_lost is not None and topics.covers(topics.every_gateway_status(), topic):
            gateway = _lost_gateway(payload)
            if gateway:
                self._on_gateway_lost(gateway)


class Subscribers:
    """Several connections that are one subscriber, where a connection takes only so much (AWS IoT Core).

    The first has the news and the last will; each has its share of the frames, and what is to be said goes out on
    the one that may speak first.
    """

    def __init__(self, client_id: str, count: int, *, will: Publication, **callbacks: Any) -> None:
        hears = callbacks.get("on_frame")
        self._all = [
            Subscriber(client_id, will=will, of=count, **callbacks),
            *(Subscriber(f"{client_id}-{n}", on_frame=hears, number=n, of=count) for n in range(1, count)),
        ]

    def start(self) -> None:
        for one in self._all:
            one.start()

    def publish(self, publications: Iterable[Publication]) -> None:
        if len(self._all) == 1:
            self._all[0].publish(publications)
            return
        for publication in publications:
            min(self._all, key=Subscriber.wait_s).publish([publication])

    def acknowledge(self, frames: Iterable[Frame]) -> None:
        frames = list(frames)
        for one in self._all:
            one.acknowledge(frames)  # each knows its own, by the link

    def stop(self, *, farewell: Publication) -> None:
        for number, one in enumerate(self._all):
            one.stop(farewell=farewell if number == 0 else None)


def _lost_gateway(payload: bytes) -> str:
    """The name of the gateway that this status says is offline; empty for any other status."""
    try:
        status = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    match status:
        case {"gateway": str(name), "status": "offline"}:
            return name
    return ""
