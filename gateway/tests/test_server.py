"""Our Daphne on a real port, with an application that does as its path says (`gateway.tests.behaviours`)."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from gateway.sockets import CONTROLS_PER_MINUTE, MOUTHFUL_BYTES, PART_BYTES

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 100_000  # of a frame, in `behaviours`


class Process:
    """The server; ``lines`` is what it printed."""

    def __init__(self, port: int = 0, *, descriptors: int = 0) -> None:
        limit = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh"] if descriptors else []
        self.popen = subprocess.Popen(
            [*limit, sys.executable, "-m", "gateway.tests.behaviours", str(port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.popen.stdout or ():
            self.lines.put(line.strip())

    def says(self, start: str, within_s: float = 20) -> str:
        end = time.monotonic() + within_s
        while True:
            line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            if line.startswith(start):
                return line

    async def hears(self, start: str, within_s: float = 10) -> str:
        return await asyncio.to_thread(self.says, start, within_s)


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    process = Process()
    yield process
    process.popen.kill()
    process.popen.wait()


@pytest.fixture(scope="module")
def port(process: Process) -> int:
    return int(process.says("listening").split()[1])


def dial(port: int, path: str = "/echo", **options: Any) -> websockets.connect:
    options.setdefault("compression", None)
    return websockets.connect(
        f"ws://127.0.0.1:{port}{path}",
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
        ping_interval=None,
        max_size=None,
        proxy=None,
        **options,
    )


def raw(port: int, path: str = "/echo", *extra: str, subprotocol: str = "ocpp1.6") -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), timeout=10)
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    lines += [f"Sec-WebSocket-Protocol: {subprotocol}", *extra]
    link.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return link


def received(link: socket.socket) -> bytes:
    """All that comes until the server closes."""
    parts = []
    while part := link.recv(65536):
        parts.append(part)
    return b"".join(parts)


def extensions(connection: websockets.ClientConnection) -> str:
    assert connection.response is not None
    return connection.response.headers.get("Sec-WebSocket-Extensions", "")


async def closed_with(connection: websockets.ClientConnection) -> websockets.frames.Close:
    with pytest.raises(websockets.ConnectionClosed) as caught:  # noqa: PT012 - what comes before is passed over
        while True:
            await asyncio.wait_for(connection.recv(), 10)
    assert caught.value.rcvd is not None
    return caught.value.rcvd


# -- refusals ----------------------------------------------------------------------------------------------------------


async def test_a_refusal_has_status_headers_and_body(port):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await dial(port, "/refuse")
    answer = refused.value.response
    assert (answer.status_code, answer.headers["Retry-After"], answer.body) == (429, "7", b"too many")


async def test_an_application_that_breaks_in_the_handshake_is_no_500(port):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await dial(port, "/break-early")
    assert refused.value.response.status_code == 503


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"subprotocol": "ocpp1.6\xe9"}, b"400"),
        ({"path": "//["}, b"400"),
        ({"path": "/\xe9"}, b"400"),
    ],
)
def test_a_broken_handshake_is_the_callers_fault(port, change, status):
    path = change.pop("path", "/echo")
    answer = received(raw(port, path, **change))
    assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("extra", ["", "Sec-WebSocket-Protocol: ocpp1.6,"])
def test_who_names_a_subprotocol_twice_is_let_in(port, extra):
    """RFC 6455 says that no name comes twice; some chargers do so all the same, in one line or in two."""
    link = raw(port, "/echo", *filter(None, [extra]), subprotocol="ocpp1.6, ocpp1.6,ocpp2.0.1")
    answer = link.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101") and answer.count(b"ocpp1.6") == 1
    link.close()


def test_an_endless_request_line_is_cut_off(port):
    assert received(raw(port, "/" + "x" * 100_000)) == b""


@pytest.mark.parametrize(
    "extra",
    [
        "Sec-WebSocket-Key: short",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",
        "Origin: ?",
    ],
)
def test_a_broken_header_is_the_callers_fault(port, extra):
    assert received(raw(port, "/echo", extra)).startswith(b"HTTP/1.1 4")


def test_pages_come_from_the_same_port(port):
    link = socket.create_connection(("127.0.0.1", port), timeout=10)
    link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = received(link)
    assert answer.startswith(b"HTTP/1.1 200") and b"a page" in answer


# -- frames ------------------------------------------------------------------------------------------------------------


async def test_text_comes_and_goes_untouched(port):
    async with dial(port) as connection:
        for text in ('[2,"1","Heartbeat",{}]', "ä€𝄞", "x" * (LIMIT - 1)):
            await connection.send(text)
            assert await asyncio.wait_for(connection.recv(), 5) == text


async def test_a_message_in_fragments_is_one_message(port):
    async with dial(port) as connection:
        await connection.send(["[2,", '"1",', '"Heartbeat",{}]'])
        assert await asyncio.wait_for(connection.recv(), 5) == '[2,"1","Heartbeat",{}]'


async def test_a_frame_over_the_limit_is_answered_with_1009_and_the_next_connection_accepted(port):
    async with dial(port) as connection:
        await connection.send("x" * (LIMIT + 1))
        assert (await closed_with(connection)).code == 1009
    async with dial(port) as connection:
        await connection.send("still here")
        assert await asyncio.wait_for(connection.recv(), 5) == "still here"


async def test_fragments_over_the_limit_are_answered_with_1009(port):
    async with dial(port) as connection:
        await connection.send(["x" * (LIMIT // 2)] * 3)
        assert (await closed_with(connection)).code == 1009


def test_parts_of_a_message_that_hold_nothing_are_no_way_around_the_limit(port):
    link = raw(port)
    assert b"101" in link.recv(4096)
    link.sendall(b"\x01\x80" + bytes(4))
    with contextlib.suppress(ConnectionError):  # it has been told, and does not listen
        for _ in range(LIMIT // PART_BYTES // 100 + 2):
            link.sendall((b"\x00\x80" + bytes(4)) * 100)
    assert link.recv(4096)[2:4] == (1009).to_bytes(2, "big")
    link.close()


def test_who_does_nothing_but_ping_is_closed_with_1008(port):
    link = raw(port)
    assert b"101" in link.recv(4096)
    link.sendall((b"\x89\x80" + bytes(4)) * CONTROLS_PER_MINUTE)
    told = b""
    with contextlib.suppress(ConnectionError):  # it does not answer the farewell either
        while part := link.recv(65536):
            told += part
    assert told.startswith(b"\x8a\x00" * (CONTROLS_PER_MINUTE - 1) + b"\x88")
    assert told[2 * CONTROLS_PER_MINUTE :][:2] == (1008).to_bytes(2, "big")
    link.close()


async def test_a_binary_frame_is_answered_with_1003(port):
    async with dial(port) as connection:
        await connection.send(b"\x00\x01")
        assert (await closed_with(connection)).code == 1003


def test_bad_utf_8_is_answered_with_1007(port):
    link = raw(port)
    assert b"101" in link.recv(4096)
    link.sendall(b"\x81\x82\x00\x00\x00\x00\xff\xfe")
    assert link.recv(4096)[:4].endswith((1007).to_bytes(2, "big"))


def test_a_broken_frame_is_answered_with_1002(port):
    link = raw(port)
    assert b"101" in link.recv(4096)
    link.sendall(b"\xff\xff\xff\xff\xff\xff")
    assert link.recv(4096)[2:4] == (1002).to_bytes(2, "big")


# -- compression -------------------------------------------------------------------------------------------------------


async def test_compression_is_used_where_it_is_offered_with_small_windows(port):
    async with dial(port, compression="deflate") as connection:
        assert "client_max_window_bits=11" in extensions(connection)
        await connection.send("x" * 50_000)
        assert await asyncio.wait_for(connection.recv(), 5) == "x" * 50_000
    async with dial(port) as connection:
        assert extensions(connection) == ""


async def test_a_window_smaller_than_ours_is_respected(port):
    offer = ClientPerMessageDeflateFactory(server_max_window_bits=9, client_max_window_bits=True)
    async with dial(port, extensions=[offer]) as connection:
        await connection.send("y" * 50_000)
        assert await asyncio.wait_for(connection.recv(), 5) == "y" * 50_000


async def test_the_limit_counts_after_inflation(port):
    async with dial(port, compression="deflate") as connection:
        await connection.send("\0" * 10_000_000)  # 10 KB on the wire
        assert (await closed_with(connection)).code == 1009


# -- closing -----------------------------------------------------------------------------------------------------------


async def test_any_close_code_can_be_sent_with_a_reason_that_fits(port, process):
    async with dial(port, "/close") as connection:
        close = await closed_with(connection)
    assert (close.code, close.reason) == (1012, "ü" * 61)
    assert await process.hears("left 1012")


async def test_an_application_that_breaks_later_closes_with_1011(port):
    async with dial(port, "/break-late") as connection:
        assert (await closed_with(connection)).code == 1011


async def test_the_application_hears_how_the_peer_left(port, process):
    async with dial(port) as connection:
        await connection.close(1001, "I reboot")
    assert await process.hears("left 1001 I reboot")
    link = raw(port)
    assert b"101" in link.recv(4096)
    link.close()
    assert await process.hears("left 1006 the connection broke")


# -- liveness and flow -------------------------------------------------------------------------------------------------


async def test_who_answers_pings_stays_and_who_does_not_is_dropped(port, process):
    dead = raw(port)
    async with dial(port) as alive:
        assert b"101" in dead.recv(4096)
        assert await process.hears("left 1006 did not answer our ping")
        await alive.send("still here")
        assert await asyncio.wait_for(alive.recv(), 5) == "still here"


def test_a_probe_drops_a_dead_peer_fast(port, process):
    began, link = time.monotonic(), raw(port, "/probe")
    assert process.says("left 1006 did not answer our ping when", 10)
    assert time.monotonic() - began < 2
    link.close()


def test_a_held_peer_is_not_read_and_its_tcp_fills_up(port, process):
    link = raw(port, "/hold")
    seen = b""
    while b"held" not in seen:
        seen += link.recv(4096)
    link.settimeout(1)
    frame = b"\x81\xfe\xea\x60\x00\x00\x00\x00" + b"x" * 60_000
    with pytest.raises(TimeoutError):  # noqa: PT012 - which of them is the machine's business
        for _ in range(1000):
            link.sendall(frame)
    with pytest.raises(queue.Empty):
        process.says("read", 0.1)
    link.close()


def test_of_one_large_read_no_more_than_mouthfuls_reach_an_application_that_has_enough(port, process):
    link = raw(port, "/choke")
    while b"\r\n\r\n" not in link.recv(4096):
        pass
    texts = [str(n).encode() for n in range(6000)] + [b"end"]
    link.sendall(b"".join(b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text for text in texts))
    came = int(process.says("came").split()[1])
    assert came < 3 * MOUTHFUL_BYTES / 9, "a frame is some nine bytes, and a read brings 64 KiB"
    assert process.says("in order") == f"in order True {len(texts)}"
    link.close()


@pytest.mark.parametrize("extra", [[], ["X: " + "x" * 6000, "Y: " + "y" * 6000]], ids=["short head", "long head"])
def test_who_talks_before_it_is_let_in_is_not_read_until_then_and_loses_nothing(port, process, extra):
    link = raw(port, "/late", *extra)
    link.settimeout(0.5)
    frame = b"\x81\xfe\xea\x60\x00\x00\x00\x00" + b"x" * 59_996 + b"\r\n\r\n"
    data = frame * 400 + b"\x81\x83\x00\x00\x00\x00end"
    sent = 0
    with pytest.raises(TimeoutError):  # noqa: PT012 - how much its kernel takes is the machine's business
        while sent < len(data):
            sent += link.send(data[sent : sent + 65536])
    link.settimeout(10)
    link.sendall(data[sent:])
    assert process.says("heard") == "heard 400 24000000"
    link.close()


def test_a_peer_that_does_not_read_is_given_up(port, process):
    link = raw(port, "/flood")
    assert process.says("left 1006 does not read", 15)
    link.close()


# -- beginning and end -------------------------------------------------------------------------------------------------


def test_a_taken_port_is_named_with_the_way_out(port):
    second = Process(port)
    _, complaint = second.popen.communicate(timeout=20)
    assert second.popen.returncode == 1
    assert f"127.0.0.1:{port}" in complaint and "--port" in complaint


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_application_then_says_goodbye_and_ends_with_0(number):
    process = Process()
    port = int((await process.hears("listening")).split()[1])
    async with dial(port) as connection:
        process.popen.send_signal(number)
        assert (await closed_with(connection)).code == 1001
    assert await process.hears("shutdown")
    assert await asyncio.to_thread(process.popen.wait, 10) == 0
