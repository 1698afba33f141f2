"""paho's MQTT client, taught to say many small things in one write.

A batch leads to a reply and an acknowledgement per frame, often to an event. Each on its own would cost a lock, a
wake-up of the network thread and a system call; together they cost these once. MQTT 3.1.1 §3.3 (PUBLISH) and §3.4.
"""

from __future__ import annotations

from collections.abc import Iterable

from paho.mqtt.client import Client
from paho.mqtt.enums import MessageType

from gateway.bus.publisher import Publication

PUBLISH_QOS_0, RETAIN = 0x30, 0x01
PUBACK = b"\x40\x02"


class BatchClient(Client):
    """Use it with a thread of its own (``loop_start``)."""

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
        self._say([PUBACK + packet_id.to_bytes(2, "big") for packet_id in packet_ids])

    def _say(self, packets: list[bytes]) -> None:
        if packets and self.is_connected():
            # As a PUBACK: of what is called a PUBLISH somebody would be told when it is out.
            self._packet_queue(MessageType.PUBACK, b"".join(packets), 0, 0)


def publish_packet(publication: Publication) -> bytes:
    """A PUBLISH with QoS 0 as it goes over the line."""
    topic = publication.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic + publication.payload
    return bytes([PUBLISH_QOS_0 | (RETAIN if publication.retain else 0)]) + _remaining_length(len(body)) + body


def _remaining_length(length: int) -> bytes:
    """Seven bits a byte, the lowest first. §2.2.3."""
    digits = bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(digits)
