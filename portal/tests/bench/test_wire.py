"""The load generator's own WebSocket framing, held against a foreign implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.streams import StreamReader

from portal.bench import wire

MASK = b"\x01\x80\xff\x7e"


def parsed(generator):
    """The result of a parser of `websockets` that has all its bytes."""
    with pytest.raises(StopIteration) as finished:
        next(generator)
    return finished.value.value


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
def test_a_server_reads_what_we_send_at_each_width_of_the_length(size):
    payload = bytes(range(256)) * (size // 256 + 1)
    stream = StreamReader()
    stream.feed_data(wire.encode(wire.TEXT, payload[:size], MASK))
    frame = parsed(Frame.parse(stream.read_exact, mask=True))
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.TEXT, True, payload[:size])


@given(texts=st.lists(st.text(max_size=200), max_size=6), cuts=st.lists(st.integers(1, 40), min_size=1))
def test_frames_are_whole_however_the_network_cuts_them(texts, cuts):
    sent = b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=False) for text in texts)
    decoder = wire.Decoder()
    heard: list[tuple[int, bytes]] = []
    while sent:
        size = cuts[len(heard) % len(cuts)]
        heard += decoder.feed(sent[:size])
        sent = sent[size:]
    assert [payload.decode() for _, payload in heard] == texts


def test_a_fragment_is_refused_aloud():
    with pytest.raises(ValueError, match="fragment"):
        wire.Decoder().feed(Frame(Opcode.TEXT, b"half", fin=False).serialize(mask=False))


def test_the_handshake_is_http_with_basic_authentication():
    stream = StreamReader()
    stream.feed_data(wire.handshake("host:80", "/ocpp/A", user="A", password="secret", subprotocol="ocpp1.6"))
    request = parsed(Request.parse(stream.read_line))
    assert request.path == "/ocpp/A"
    assert request.headers["Authorization"] == "Basic QTpzZWNyZXQ="
    assert request.headers["Sec-WebSocket-Protocol"] == "ocpp1.6"


def test_a_refusal_tells_its_status_and_when_to_come_again():
    head = b"HTTP/1.1 503 Service Unavailable\r\nServer: x\r\nRetry-After: 17\r\n"
    assert wire.status(head) == (503, 17.0)
    assert wire.status(b"HTTP/1.1 101 Switching Protocols\r\n") == (101, 0.0)
    with pytest.raises(ValueError, match="no HTTP"):
        wire.status(b"SSH-2.0-OpenSSH\r\n")
