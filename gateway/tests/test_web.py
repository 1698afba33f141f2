"""What comes to our port by HTTP before anybody knows who sends it, with the application of `behaviours`."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from io import BytesIO

import pytest

from gateway import web
from gateway.tests.test_server import Process, port, process, raw, received

__all__ = ["port", "process"]  # fixtures

MOST = 1_000_000  # of a body, in `behaviours`; a head has 6 s there


def begin(port: int, length: int, path: str = "/", *headers: str) -> socket.socket:
    """A POST of ``length`` bytes, none of which has been sent."""
    link = socket.create_connection(("127.0.0.1", port), timeout=20)
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {length}", *headers]
    link.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return link


def told(port: int, body: bytes, path: str = "/", *headers: str) -> bytes:
    link = begin(port, len(body), path, *headers)
    link.sendall(body)
    return received(link)


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_a_form_is_the_applications_to_read_and_nobody_waits_while_it_is_taken_apart(port, kind):
    answer = told(port, b"a=&" * 1000, "/", f"Content-Type: {kind}")
    assert answer.startswith(b"HTTP/1.1 200") and b"for 3000 bytes" in answer


def test_a_body_comes_to_the_application_in_pieces(port):
    assert b"for 500000 bytes in 8 pieces" in told(port, b"x" * 500_000)


async def test_a_body_waits_where_it_lies_until_it_is_wanted():
    content = BytesIO(b"x" * web.CHUNK_BYTES + b"end")
    body = web.Body(content)
    body.put_nowait({"type": "http.request", "body": content.read(), "more_body": False})  # as Daphne hands it over
    assert (await body.get())["more_body"]
    assert await body.get() == {"type": "http.request", "body": b"end", "more_body": False}
    body.put_nowait({"type": "http.disconnect"})
    assert await body.get() == {"type": "http.disconnect"}


async def test_of_a_body_that_is_gone_nothing_is_told_but_that():
    content = BytesIO(b"never read")
    body = web.Body(content)
    content.close()
    body.put_nowait({"type": "http.disconnect"})
    assert await body.get() == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("extra", "body"), [("Content-Length: 4", b"more"), ("Transfer-Encoding: chunked", b"0\r\n\r\n")]
)
def test_who_asks_for_a_socket_sends_no_body(port, extra, body):
    link = raw(port, "/echo", extra)
    link.sendall(body)
    answer = received(link)
    assert answer.startswith(b"HTTP/1.1 400") and answer.endswith(b"no body.\n")


@pytest.mark.parametrize("root", ["/elsewhere", "\xff"])
def test_nobody_tells_us_below_which_address_our_pages_are(port, root):
    assert b"200 OK" in (answer := told(port, b"", "/", f"Daphne-Root-Path: {root}")) and b"below / for" in answer


def test_a_head_that_drips_in_has_its_time_and_a_body_may_take_longer(port):
    head = socket.create_connection(("127.0.0.1", port), timeout=20)
    head.sendall(b"GET / HTTP/1.1\r\nContent-Length: 1\r\nX: ")
    body, parts = begin(port, 40), 0
    with pytest.raises(OSError, match=r"reset|pipe"):  # noqa: PT012 - which of them comes when is the machine's business
        for parts in range(1, 40):  # noqa: B007 - so many were sent
            time.sleep(0.5)
            body.sendall(b"x")
            head.sendall(b"x")
    body.sendall(b"x" * (40 - parts))
    assert received(body).startswith(b"HTTP/1.1 200")


def test_what_nobody_asked_for_is_no_more_than_some_bodies_at_once(port):
    """Each lies on the disk until it is whole, and whoever sends it has shown no password."""
    links = [begin(port, MOST) for _ in range(web.BODIES_AT_ONCE + 1)]
    for link in links:
        link.sendall(b"x" * (MOST - 1))
    refused, *others = select.select(links, [], [], 20)[0]
    assert not others
    answer = received(refused)
    assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 60" in answer
    assert told(port, b"x" * 1000).startswith(b"HTTP/1.1 200"), "a small one is taken all the same"
    assert told(port, b"x" * MOST, "/expected").startswith(b"HTTP/1.1 200"), "and one that was asked for"
    for link in links:
        if link is not refused:
            link.sendall(b"x")
            assert received(link).startswith(b"HTTP/1.1 200")
    assert told(port, b"x" * MOST).startswith(b"HTTP/1.1 200")


@pytest.fixture
def crowded() -> Iterator[Process]:
    process = Process(descriptors=200)
    yield process
    process.popen.kill()
    process.popen.wait()


def test_no_crowd_takes_the_last_descriptors(crowded):
    """A body of this length is a file; so are a line to the database and one to the broker."""
    port = int(crowded.says("listening").split()[1])
    mine = socket.create_connection(("127.0.0.1", port), timeout=20)
    mine.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert mine.recv(4096).startswith(b"HTTP/1.1 200")
    crowd = []
    for _ in range(250):
        with contextlib.suppress(ConnectionError):  # the last of them are sent away
            crowd.append(socket.create_connection(("127.0.0.1", port), timeout=20))
    mine.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
    assert b"for 200000 bytes" in received(mine)
    for link in crowd:
        link.close()
