"""paho's client with our reading and writing: whatever the network cuts, everything arrives, once and in order."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from gateway.bus.client import BufferedClient

CONNACK = b"\x20\x02\x00\x00"


class Wire:
    """A socket: ``incoming`` is read chunk by chunk, and of each write ``takes`` bytes at most get through."""

    def __init__(self, incoming: list[bytes], takes: int = 10**6) -> None:
        self.incoming = incoming
        self.takes = takes
        self.sent = b""

    def recv(self, size: int) -> bytes:
        if not self.incoming:
            raise BlockingIOError
        return self.incoming.pop(0)

    def send(self, data: bytes) -> int:
        self.sent += bytes(data[: self.takes])
        return min(len(data), self.takes)

    def close(self) -> None:
        self.incoming = [b""]


def client_on(wire: Wire, kind: type[Client] = BufferedClient, **options: Any) -> Client:
    client = kind(CallbackAPIVersion.VERSION2, client_id="x", protocol=MQTTProtocolVersion.MQTTv311, **options)
    client._sock = cast("Any", wire)
    client._on_socket_register_write = lambda *_: None  # as on a loop: what is published waits for `loop_write`
    return client


def heard_from(wire: Wire, **options: Any) -> list[tuple[str, bytes, bool, int]]:
    heard: list[tuple[str, bytes, bool, int]] = []
    client = client_on(wire, on_heard=lambda *message: heard.append(message), **options)
    while wire.incoming:
        assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    client.loop_write()
    return heard


def published(topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bytes:
    """A PUBLISH as paho itself writes it."""
    wire = Wire([])
    client = client_on(wire, Client)
    client.publish(topic, payload, qos=qos, retain=retain)
    client.loop_write()
    return wire.sent


@given(
    messages=st.lists(st.tuples(st.text("ab/é", min_size=1, max_size=9), st.binary(max_size=300), st.booleans())),
    cuts=st.lists(st.integers(1, 50), min_size=1),
)
def test_messages_arrive_whole_and_in_order_however_they_were_cut(messages, cuts):
    data = CONNACK + b"".join(published(topic, payload, retain=retain) for topic, payload, retain in messages)
    chunks: list[bytes] = []
    while data:
        size = cuts[len(chunks) % len(cuts)]
        chunks.append(data[:size])
        data = data[size:]
    assert heard_from(Wire(chunks)) == [(*message, 0) for message in messages]


@pytest.mark.parametrize("acknowledging", ["paho", "us"])
@pytest.mark.parametrize("flags", [0x00, 0x08, 0x01])
def test_a_message_with_qos_1_is_heard_with_its_number_and_acknowledged_by_whom_it_is_for(acknowledging, flags):
    packet = published("t", b"x", qos=1)
    wire = Wire([CONNACK, bytes([packet[0] | flags]) + packet[1:]])
    heard = heard_from(wire, manual_ack=acknowledging == "us")
    assert heard == [("t", b"x", flags == 0x01, 1)]
    assert (b"\x40\x02\x00\x01" in wire.sent) == (acknowledging == "paho")


def test_an_acknowledged_message_is_not_sent_again():
    wire = Wire([])
    client = client_on(wire, on_heard=lambda *_: None)
    told = [client.publish("t", b"x", qos=1) for _ in range(3)]
    client.loop_write()
    wire.incoming = [b"\x40\x02" + told[1].mid.to_bytes(2, "big")]
    client.loop_read()
    assert [each.is_published() for each in told] == [False, True, False]
    assert list(client._out_messages) == [told[0].mid, told[2].mid]


@pytest.mark.parametrize("takes", [1, 7, 1000])
def test_what_is_written_together_gets_through_in_pieces(takes):
    whole, cut = Wire([]), Wire([], takes)
    for wire in (whole, cut):
        client = client_on(wire, on_heard=lambda *_: None)
        for number in range(5):
            client.publish("t", b"payload %d" % number, qos=number % 2)
        client.subscribe("more/+")
        for _ in range(300):
            client.loop_write()
        assert not client.want_write()
    assert cut.sent == whole.sent
    assert [whole.sent.count(b"payload %d" % number) for number in range(5)] == [1] * 5


@pytest.mark.parametrize("nonsense", [b"\x30\xff\xff\xff\xff", b""])
def test_a_broker_that_speaks_no_mqtt_or_hangs_up_ends_the_connection(nonsense):
    gone: list[Any] = []
    client = client_on(Wire([nonsense]), on_heard=lambda *_: None)
    client.on_disconnect = lambda *told: gone.append(told)
    assert client.loop_read() > 0
    assert client.socket() is None
    assert len(gone) == 1


def test_nothing_of_a_broken_connection_is_taken_for_a_part_of_the_next():
    heard: list[Any] = []
    client = client_on(Wire([published("t", b"half")[:5]]), on_heard=lambda *message: heard.append(message))
    client.loop_read()
    client._sock = cast("Any", Wire([published("t", b"whole")]))
    client.loop_read()
    assert heard == [("t", b"whole", False, 0)]
