"""Many small packets in one write, as a broker reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from gateway.bus.address import connect_args
from gateway.bus.client import BufferedClient, publish_packet
from gateway.bus.publisher import Publication
from portal.tests import parts


def read(packet: bytes) -> tuple[int, bytes, bytes]:
    """First byte, topic and payload of a PUBLISH with QoS 0, read as MQTT 3.1.1 §2.2.3 and §3.3 say."""
    length, multiplier, at = 0, 1, 1
    while True:
        length += (packet[at] & 127) * multiplier
        multiplier *= 128
        at += 1
        if packet[at - 1] < 128:
            break
    assert len(packet) == at + length
    topic_length = int.from_bytes(packet[at : at + 2], "big")
    return packet[0], packet[at + 2 : at + 2 + topic_length], packet[at + 2 + topic_length :]


@given(st.text(min_size=1, max_size=200), st.binary(max_size=200) | st.integers(0, 300_000).map(bytes), st.booleans())
def test_a_publish_says_its_topic_and_payload_whatever_their_length(topic: str, payload: bytes, retain: bool) -> None:
    said = read(publish_packet(Publication(topic, payload, retain=retain)))
    assert said == (0x31 if retain else 0x30, topic.encode("utf-8"), payload)


@pytest.fixture
def broker() -> Iterator[str]:
    with parts.mosquitto() as url:
        yield url


def connected(client: Client, url: str) -> Client:
    ready = threading.Event()
    client.on_connect = lambda *_: ready.set()
    address = connect_args(url)
    client.connect(address.host, address.port)
    client.loop_start()
    assert ready.wait(5)
    return client


def test_a_broker_gets_each_of_them_in_order_and_takes_each_acknowledgement(broker: str) -> None:
    heard: list[tuple[str, bytes, int]] = []
    listening, everything = threading.Event(), threading.Event()

    def on_heard(topic: str, payload: bytes, is_retained: bool, packet: int) -> None:
        heard.append((topic, payload, packet))
        if len(heard) == 50:
            everything.set()

    worker = BufferedClient(
        CallbackAPIVersion.VERSION2, client_id="worker", clean_session=False, manual_ack=True, on_heard=on_heard
    )
    worker.on_subscribe = lambda *_: listening.set()
    connected(worker, broker)
    worker.subscribe("+/in", 1)
    assert listening.wait(5)
    other = BufferedClient(CallbackAPIVersion.VERSION2, on_heard=lambda *_: None)
    connected(other, broker)
    mixed = [Publication(f"CP-{n}/in", b"x" * n * 100, qos=n % 2) for n in range(50)]
    other.publish_all(mixed)
    assert everything.wait(5)
    assert {(topic, len(payload)) for topic, payload, _ in heard} == {(p.topic, len(p.payload)) for p in mixed}
    assert [topic for topic, _, packet in heard if not packet] == [p.topic for p in mixed if p.qos == 0]
    worker.acknowledge_all(packet for _, _, packet in heard if packet)
    heard.clear()
    everything.clear()
    # Mosquitto holds back what exceeds 20 messages that are not acknowledged: 25 came, so it has heard of them.
    other.publish_all([Publication(f"CP-{n}/in", b"again", qos=1) for n in range(50)])
    for _ in range(50):
        if everything.wait(0.1):
            break
        worker.acknowledge_all(packet for _, _, packet in list(heard))
    assert everything.is_set()
    for client in (worker, other):
        client.disconnect()
        client.loop_stop()


def test_what_is_said_without_a_connection_is_lost_and_harms_nobody() -> None:
    client = BufferedClient(CallbackAPIVersion.VERSION2, on_heard=lambda *_: None)
    client.publish_all([Publication("CP-1/out", b"[3]")])
    client.acknowledge_all([1, 2])
    assert not client.is_connected()
