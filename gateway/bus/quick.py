"""paho's client, reading and writing by the buffer instead of by the byte and the packet.

paho reads a packet in three to four calls of `recv`, goes through all unacknowledged messages at each acknowledgement,
and makes objects for properties that MQTT 3.1.1 does not have: a third of what a frame costs in the gateway. What comes
by the hundred a second is read here (acknowledgements, and messages with QoS 0); all else paho does as ever. For a
client that is driven by an event loop, from one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes

READ_BYTES = 64 * 1024
# First byte of a packet: type in the upper half.
PUBACK = PacketTypes.PUBACK << 4
PUBLISH_QOS_0, RETAINED = PacketTypes.PUBLISH << 4, 0x01
LENGTH_BYTES = 4


class Broken(ValueError):
    """What the broker sent is no MQTT."""


class QuickClient(Client):
    """``on_heard(topic, payload, is_retained)`` takes the place of ``on_message``."""

    def __init__(self, *args: Any, on_heard: Callable[[str, bytes, bool], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_inflight_messages_set(0)  # no limit, so nothing has to be looked for at each acknowledgement
        self._on_heard = on_heard
        self.on_message = lambda _, __, message: on_heard(message.topic, bytes(message.payload), message.retain)
        self._left = b""
        self._left_of: Any = None  # the socket

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take what the socket has, up to 64 KiB."""
        sock = self._sock
        if sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        if sock is not self._left_of:
            self._left, self._left_of = b"", sock
        try:
            data = self._sock_recv(READ_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            data = b""
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        try:
            return self._take(self._left + data if self._left else data, sock)
        except Broken:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)

    def _take(self, data: bytes, sock: Any) -> MQTTErrorCode:
        at = 0
        try:
            while (place := _place(data, at)) is not None:
                first, (start, at) = data[at], place
                if first == PUBACK:
                    self._acknowledged(int.from_bytes(data[start : start + 2], "big"))
                elif first & ~RETAINED == PUBLISH_QOS_0:
                    payload_at = start + 2 + int.from_bytes(data[start : start + 2], "big")
                    topic = data[start + 2 : payload_at].decode(errors="replace")
                    self._on_heard(topic, data[payload_at:at], bool(first & RETAINED))
                elif (rc := self._handle(first, data[start:at])) > 0:
                    return self._loop_rc_handle(rc)
                if self._sock is not sock:
                    break  # closed by what it brought
        finally:
            self._left = data[at:]
            self._last_bytes_received = time.monotonic()
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _acknowledged(self, packet_id: int) -> None:
        with self._out_message_mutex:
            if (message := self._out_messages.pop(packet_id, None)) is not None:
                self._inflight_messages -= 1
                message.info._set_as_published()  # noqa: SLF001 - as paho does

    def _handle(self, first: int, body: bytes) -> MQTTErrorCode:
        """Let paho do a packet that is rare."""
        self._in_packet |= {"command": first, "remaining_length": len(body), "packet": bytearray(body), "pos": 0}
        try:
            return self._packet_handle()
        finally:
            self._in_packet |= {"command": 0, "remaining_length": 0, "packet": bytearray()}

    def _packet_write(self) -> MQTTErrorCode:
        if len(self._out_packet) > 1:
            self._join()
        return super()._packet_write()

    def _join(self) -> None:
        """Make one write of what stands first in line; once it is sent, paho has no more to do for it."""
        first = self._out_packet[0]
        joined = bytearray()
        while self._out_packet and (packet := self._out_packet[0])["qos"] > 0:
            joined += packet["packet"][packet["pos"] :]
            self._out_packet.popleft()
        if joined:
            self._out_packet.appendleft({**first, "packet": joined, "pos": 0, "to_process": len(joined)})


def _place(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at ``at`` begins and ends; None while it is not all there. Raises Broken."""
    size = 0
    for number in range(LENGTH_BYTES):
        place = at + 1 + number
        if place >= len(data):
            return None
        size |= (data[place] & 0x7F) << (7 * number)
        if data[place] < 0x80:
            start = place + 1
            return (start, start + size) if len(data) >= start + size else None
    raise Broken("A packet's length has more than four bytes.")
