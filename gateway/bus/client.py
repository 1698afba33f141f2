"""paho's MQTT client, reading and writing by the buffer instead of by the byte and the packet.

paho reads a packet in three to four calls of `recv`, goes through all unacknowledged messages at each acknowledgement,
makes objects for properties that MQTT 3.1.1 does not have, and writes each packet alone: a third of what a frame costs
here. What comes by the hundred a second is read and written by us (messages and acknowledgements, §3.3 and §3.4); all
else paho does as ever, be it driven by an event loop or by a thread of its own (``loop_start``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MessageType, MQTTErrorCode

from gateway.bus.publisher import Publication

READ_BYTES = 64 * 1024
# First byte of a packet: its type in the upper half.
PUBACK = 0x40
PUBLISH, DUPLICATE, QOS_1, RETAINED = 0x30, 0x08, 0x02, 0x01
LENGTH_BYTES = 4

Heard = Callable[[str, bytes, bool, int], None]


class Broken(ValueError):
    """What the broker sent is no MQTT."""


class BufferedClient(Client):
    """``on_heard(topic, payload, is_retained, packet_id)`` takes the place of ``on_message``; QoS 0 has packet id 0."""

    def __init__(self, *args: Any, on_heard: Heard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_inflight_messages_set(0)  # no limit, so nothing has to be looked for at each acknowledgement
        self._on_heard = on_heard
        self.on_message = self._take_from_paho
        # What the reply path has to read itself; with QoS 1, paho acknowledges unless it is told not to.
        self._ours = {PUBLISH, PUBLISH | QOS_1} if self._manual_ack else {PUBLISH}
        self._left = b""
        self._left_of: Any = None  # the socket

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish_all(self, publications: Iterable[Publication]) -> None:
        """Publish; what has QoS 0 goes out in one write, and is lost while there is no connection."""
        at_most_once = []
        for publication in publications:
            if publication.qos == 0:
                at_most_once.append(publish_packet(publication))
            else:
                self.publish(*publication)
        self._say(at_most_once)

    def acknowledge_all(self, packet_ids: Iterable[int]) -> None:
        """Confirm messages that came with QoS 1; with ``manual_ack`` only."""
        self._say([b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids])

    def _say(self, packets: list[bytes]) -> None:
        if packets and self.is_connected():
            # As a PUBACK: of what is called a PUBLISH somebody would be told when it is out.
            self._packet_queue(MessageType.PUBACK, b"".join(packets), 0, 0)

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

    # -- in ------------------------------------------------------------------------------------------------------------

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
                elif first & ~(RETAINED | DUPLICATE) in self._ours:
                    self._hear(first, data[start:at])
                elif (rc := self._handle(first, data[start:at])) > 0:
                    return self._loop_rc_handle(rc)
                if self._sock is not sock:
                    break  # closed by what it brought
        finally:
            self._left = data[at:]
            self._last_bytes_received = time.monotonic()
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _hear(self, first: int, body: bytes) -> None:
        at = 2 + int.from_bytes(body[:2], "big")
        topic, packet_id = body[2:at].decode(errors="replace"), 0
        if first & QOS_1:
            packet_id, at = int.from_bytes(body[at : at + 2], "big"), at + 2
        self._on_heard(topic, body[at:], bool(first & RETAINED), packet_id)

    def _take_from_paho(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        self._on_heard(message.topic, bytes(message.payload), message.retain, message.mid if message.qos else 0)

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


def publish_packet(publication: Publication) -> bytes:
    """A PUBLISH with QoS 0 as it goes over the line."""
    topic = publication.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic + publication.payload
    return bytes([PUBLISH | (RETAINED if publication.retain else 0)]) + _remaining_length(len(body)) + body


def _remaining_length(length: int) -> bytes:
    """Seven bits a byte, the lowest first. §2.2.3."""
    digits = bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(digits)
