"""One MQTT connection whose socket lives on the asyncio loop: no thread, and it comes back by itself.

paho does the protocol; this drives it (`add_reader`, `add_writer`, a tick each second), subscribes again after each
reconnection, lets callers await the broker's confirmation, and goes no faster than the broker allows.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.bus import NotLinked, tls
from gateway.bus.address import Address, send_at_once
from gateway.bus.client import BufferedClient
from gateway.bus.pace import Bucket, Pace

KEEPALIVE_S = 30  # the least that AWS IoT Core takes
STALLED_MS = 20_000  # written and not acknowledged for so long: the broker's machine is gone
RETRY_S = (0.1, 5.0)  # first and longest pause between two attempts
# The loser of a take-over hears of it within that time and stays away; AWS IoT Core takes one CONNECT/s of a client id.
CONTESTED_RETRY_S = (1.5, 10.0)
# AWS IoT Core takes 8 filters in a SUBSCRIBE; the others do not mind.
FILTERS_PER_PACKET = 8
# Messages that wait for their turn on a limited link. A charger has one CALL in work, so nobody comes near.
OUTBOX = 1000
HUNG_UP = (
    "It ended the connection before it answered CONNECT. AWS IoT Core does so when the policy of our certificate does "
    "not allow iot:Connect for client id %r, or the certificate is not active."
)

log = structlog.get_logger(__name__)


class Link:
    """``on_message(topic, payload, is_retained)`` and ``on_up()`` are called on the loop's thread."""

    def __init__(
        self,
        broker: Address,
        client_id: str,
        *,
        on_message: Callable[[str, bytes, bool], None],
        on_up: Callable[[], None] | None = None,
        will: tuple[str, bytes] | None = None,
        pace: Pace | None = None,
        is_contested: bool = False,
    ) -> None:
        """``pace``: messages count both ways together.

        ``is_contested``: another process may take this client id over, and whoever dials first again wins it back.
        """
        self.is_up = False
        self._pace = pace = pace or Pace()
        self._bucket = Bucket(pace.publishes_per_s)
        self._outbox: dict[tuple[str, bytes], tuple[int, bool]] = {}
        self._retry_s = CONTESTED_RETRY_S if is_contested else RETRY_S
        self._refused = ""
        self._is_closed = False
        self._last: MQTTMessageInfo | None = None
        self._client_id = client_id
        self._on_message = on_message
        self._on_up = on_up
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._confirmed: dict[str, asyncio.Future[None]] = {}  # by topic filter; done from the first SUBACK on
        self._to_send: list[str] = []
        self._asked: dict[int, list[str]] = {}  # by packet id
        self._went_down = asyncio.Event()
        self._client = self._make_client(broker, client_id, will)
        self._keeper = self._loop.create_task(self._stay_up())

    @property
    def load(self) -> int:
        """How many topics it is subscribed to."""
        return len(self._confirmed)

    async def subscribe(self, topic: str, *, timeout_s: float = 5.0) -> None:
        """Hear ``topic`` with QoS 0; returns when the broker has confirmed. Raises NotLinked."""
        confirmed = self.want(topic)
        if confirmed.done():
            confirmed.result()
            return
        try:
            # Shielded: others may wait for the same confirmation.
            await asyncio.wait_for(asyncio.shield(confirmed), timeout_s)
        except TimeoutError:
            raise NotLinked(f"The broker did not confirm {topic!r} within {timeout_s:g} s.") from None

    def want(self, topic: str) -> asyncio.Future[None]:
        """Subscribe now, or as soon as the link is up; the future is done once the broker has confirmed."""
        confirmed = self._confirmed.get(topic)
        if confirmed is None:
            confirmed = self._confirmed[topic] = self._loop.create_future()
            if not self._to_send:
                # Whatever else is asked for in this turn of the loop goes with it.
                self._loop.call_soon(self._send_subscriptions)
            self._to_send.append(topic)
        return confirmed

    def unsubscribe(self, topic: str) -> None:
        if (confirmed := self._confirmed.pop(topic, None)) is None:
            return
        confirmed.cancel()
        if topic in self._to_send:
            self._to_send.remove(topic)
        elif self.is_up:
            self._client.unsubscribe(topic)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Lost while the link is down: a frame that matters is published again anyway."""
        if not self.is_up:
            return
        if not self._bucket.is_limited:
            self._last = self._client.publish(topic, payload, qos=qos, retain=retain)
        elif len(self._outbox) < OUTBOX or (topic, payload) in self._outbox:
            # What is asked for again while it still waits is said once.
            self._outbox[topic, payload] = qos, retain
            if len(self._outbox) == 1:
                self._send_in_turn()
        else:
            log.warning("too much to say", topic=topic, waiting=len(self._outbox))

    def _send_in_turn(self) -> None:
        while self._outbox and self.is_up:
            now = self._loop.time()
            if wait_s := self._bucket.wait_s(now):
                self._loop.call_later(wait_s, self._send_in_turn)
                return
            self._bucket.spend(now)
            topic, payload = next(iter(self._outbox))
            qos, retain = self._outbox.pop((topic, payload))
            self._last = self._client.publish(topic, payload, qos=qos, retain=retain)

    def tick(self) -> None:
        self._client.loop_misc()

    def start_over(self) -> None:
        """End this connection and make another: it may be half-open, which MQTT's keep-alive alone finds after 45 s."""
        if self.is_up:
            self._client.disconnect()
            self._client.loop_write()

    async def close(self) -> None:
        """Send what waits, say DISCONNECT (so there is no last will) and end."""
        self._keeper.cancel()
        for _ in range(100):  # a second at most
            if not self.is_up or self._last is None or self._last.is_published():
                break
            await asyncio.sleep(0.01)
        was_up, self.is_up, self._is_closed = self.is_up, False, True
        if was_up:
            self._client.disconnect()
            self._client.loop_write()

    # -- staying up --------------------------------------------------------------------------------------------------

    def _make_client(self, broker: Address, client_id: str, will: tuple[str, bytes] | None) -> Client:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv311,
            on_heard=self._heard,
        )
        broker.introduce(client)
        if will is not None:
            client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_socket_open = self._socket_opened
        client.on_socket_close = self._socket_closed
        client.on_socket_register_write = self._wants_to_write
        client.on_socket_unregister_write = self._has_written
        client.connect_async(broker.host, broker.port, keepalive=KEEPALIVE_S)
        return client

    async def _stay_up(self) -> None:
        pause = self._retry_s[0]
        while True:
            while wait_s := self._pace.dials.wait_s(self._loop.time()):  # noqa: ASYNC110 - only time fills a bucket
                await asyncio.sleep(wait_s)
            self._pace.dials.spend(self._loop.time())
            self._went_down.clear()
            self._refused = ""
            try:
                # Resolves a name, connects and shakes hands: blocking, so in a thread.
                await self._loop.run_in_executor(None, self._client.reconnect)
            except OSError as error:  # includes TLS and name resolution
                why = tls.explain(error, self._client.host)
                log.warning("no MQTT broker", broker=f"{self._client.host}:{self._client.port}", error=why)
            else:
                began = self._loop.time()
                await self._went_down.wait()
                if self._loop.time() - began > self._retry_s[1]:
                    pause = self._retry_s[0]
            # Jittered: all gateways lose the broker in the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, self._retry_s[1])

    def _connected(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            log.warning("MQTT broker refuses us", broker=f"{client.host}:{client.port}", reason=str(reason))
            return
        self.is_up = True
        self._outbox.clear()
        self._asked.clear()
        self._to_send = list(self._confirmed)
        self._send_subscriptions()
        if self._on_up is not None:
            self._on_up()

    def _disconnected(self, client: Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        broker = f"{client.host}:{client.port}"
        if self.is_up:
            log.warning("MQTT link lost", broker=broker, client_id=self._client_id, reason=tls.flaw() or str(reason))
        elif not self._refused and not self._is_closed:
            log.warning("MQTT broker hangs up on us", broker=broker, error=tls.flaw() or HUNG_UP % self._client_id)
        self.is_up = False
        self._loop.call_soon_threadsafe(self._went_down.set)

    # -- subscriptions and messages ----------------------------------------------------------------------------------

    def _send_subscriptions(self) -> None:
        if not self.is_up:
            return  # sent with all others once the link is up
        wanted, self._to_send = self._to_send, []
        for start in range(0, len(wanted), FILTERS_PER_PACKET):
            filters = wanted[start : start + FILTERS_PER_PACKET]
            result, packet_id = self._client.subscribe([(topic, 0) for topic in filters])
            if result == MQTTErrorCode.MQTT_ERR_SUCCESS and packet_id is not None:
                self._asked[packet_id] = filters

    def _subscribed(
        self, client: Client, userdata: Any, packet_id: int, reasons: list[ReasonCode], properties: Any
    ) -> None:
        for topic, reason in zip(self._asked.pop(packet_id, []), reasons, strict=False):
            confirmed = self._confirmed.get(topic)
            if confirmed is None or confirmed.done():
                continue
            if reason.is_failure:
                del self._confirmed[topic]
                confirmed.set_exception(NotLinked(f"The broker refuses the subscription to {topic!r}: {reason}."))
            else:
                confirmed.set_result(None)

    def _heard(self, topic: str, payload: bytes, is_retained: bool, packet_id: int) -> None:
        self._bucket.spend(self._loop.time())
        self._on_message(topic, payload, is_retained)

    # -- the socket --------------------------------------------------------------------------------------------------
    # Opening happens in a helper thread, everything else on the loop's.

    def _socket_opened(self, client: Client, userdata: Any, sock: Any) -> None:
        send_at_once(client, userdata, sock)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
        self._loop.call_soon_threadsafe(self._watch, sock)

    def _watch(self, sock: Any) -> None:
        if self._is_closed:
            sock.close()
        elif self._is_current(sock):
            self._loop.add_reader(sock, self._readable, sock)

    def _socket_closed(self, client: Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _wants_to_write(self, client: Client, userdata: Any, sock: Any) -> None:
        # Not at once: all that is published within the window goes out together.
        if threading.get_ident() == self._thread:
            self._pace.window.at_its_end(self._write)
        else:
            self._loop.call_soon_threadsafe(self._write)

    def _write(self) -> None:
        if (sock := self._client.socket()) is not None and self._client.loop_write() == 0 and self._client.want_write():
            self._loop.add_writer(sock, self._client.loop_write)

    def _has_written(self, client: Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _readable(self, sock: Any) -> None:
        self._client.loop_read()
        # A TLS record may hold more packets than one; the selector does not know of them.
        while isinstance(sock, ssl.SSLSocket) and self._is_current(sock) and sock.pending():
            self._client.loop_read()

    def _is_current(self, sock: Any) -> bool:
        return sock is self._client.socket()
