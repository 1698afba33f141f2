"""Daphne's HTTP with bounds: what is sent to us has a limit before it is read, lies on the disk until it is wanted, and
an answer is not made faster than its reader takes it (firmware for a charger on a slow line would wait in our memory).
Each socket begins here as well.

Whoever calls has proved nothing yet: a head has its time, and what all of them send at once has a limit, too.
"""

# ruff: noqa: N802 - Twisted names the methods

from __future__ import annotations

import asyncio
import contextlib
import socket
from http import HTTPStatus
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.web.http import HTTPChannel

from gateway import tls
from gateway.inbox import Inbox

PROTOCOL = b"Sec-WebSocket-Protocol"
HEAD_S = 60  # for a whole head, and between two parts of a body
STALLED_MS = 60_000  # written and not acknowledged by its TCP
CHUNK_BYTES = 64 * 1024
# What nobody has asked for may be as much as so many bodies of the greatest length, all together. A small one is taken
# all the same.
BODIES_AT_ONCE = 10
SMALL_BYTES = 64 * 1024


class Channel(HTTPChannel):
    """Twisted's, which gives more time with each byte that comes, also to a head that drips in for ever."""

    has_head = False

    def connectionMade(self) -> None:
        super().connectionMade()
        transport: Any = self.transport
        with contextlib.suppress(OSError):  # gone already
            handle = tls.raw(transport).getHandle()
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
            if handle.fileno() >= self.factory.server.most_descriptors:  # the lowest that is free is given
                transport.abortConnection()

    def resetTimeout(self) -> None:
        if self.has_head:
            super().resetTimeout()

    def allHeadersReceived(self) -> None:
        self.has_head = True
        self.resetTimeout()
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self.has_head = False
        super().allContentReceived()


class Body(Inbox):
    """The ``receive`` of a request: its body is read from where it lies, piece by piece, when the application wants it.

    Daphne would put it into memory whole, before anybody has asked who sends it.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Any) -> None:
        super().__init__()
        self._content: Any = content

    def put_nowait(self, event: dict[str, Any]) -> None:
        if event["type"] != "http.request":
            super().put_nowait(event)
        elif not event["more_body"]:
            self._content.seek(0)

    async def get(self) -> dict[str, Any]:
        if self._content is None or self._content.closed:
            return await super().get()
        chunk = self._content.read(CHUNK_BYTES)
        has_more = len(chunk) == CHUNK_BYTES
        if not has_more:
            self._content = None
        return {"type": "http.request", "body": chunk, "more_body": has_more}


class Request(WebRequest):
    _taken: asyncio.Event | None = None  # set while its reader keeps up
    _received_bytes = 0
    _is_refused = False

    def __init__(self, channel: Any, queued: Any) -> None:
        # Twisted takes a form apart while everybody waits: 100 MB for half a minute, with gigabytes. Django reads it.
        super().__init__(channel, queued, parsePOSTFormSubmission=False)

    # -- what is sent to us ------------------------------------------------------------------------------------------

    def process(self) -> Any:
        """Before it may become a socket: whoever names a subprotocol twice means it once (Autobahn would refuse it)."""
        if self._is_refused:
            return None
        # A proxy's word for Daphne about the addresses in our pages. None of ours says it.
        self.requestHeaders.removeHeader(b"Daphne-Root-Path")
        if offered := self.requestHeaders.getRawHeaders(PROTOCOL):
            names = dict.fromkeys(name.strip() for name in b",".join(offered).split(b","))
            self.requestHeaders.setRawHeaders(PROTOCOL, [b", ".join(filter(None, names))])
        return super().process()

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > self.server.body_limit_bytes:
            self._refuse_length()
        elif length != 0 and self.requestHeaders.hasHeader(b"Upgrade"):
            # It would become the first bytes of the socket, all at once.
            self._refuse(HTTPStatus.BAD_REQUEST, "Who asks for a WebSocket sends no body.")

    def handleContentChunk(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._received_bytes += len(data)
        self.server.bodies_bytes += len(data)
        if self._received_bytes > self.server.body_limit_bytes:
            self._refuse_length()
        elif self._received_bytes > SMALL_BYTES and self._is_too_much():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too much is sent to us at once; try again.")
        else:
            super().handleContentChunk(data)

    def _is_too_much(self) -> bool:
        is_over: bool = self.server.bodies_bytes > BODIES_AT_ONCE * self.server.body_limit_bytes
        return is_over and not self.server.expects(self.channel._path)  # noqa: SLF001 - ours not before the end

    def _refuse_length(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Nobody may send more than {self.server.body_limit_bytes} bytes here."
        )

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self._is_refused = True
        self._let_go()
        self.channel.has_head = False  # what it sends all the same wins it no time
        body = f"{sentence}\n".encode()
        lines = [f"HTTP/1.1 {int(status)} {status.phrase}", "Content-Type: text/plain", "Connection: close"]
        lines += ["Retry-After: 60"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []
        self.transport.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        self.transport.loseConnection()

    def _let_go(self) -> None:
        """Its body is wanted no more."""
        self.server.bodies_bytes -= self._received_bytes
        self._received_bytes = 0

    # -- what we send ------------------------------------------------------------------------------------------------

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message.get("more_body") and self._taken is None and not self.finished and self.channel is not None:
            self._taken = asyncio.Event()
            self._taken.set()
            self.registerProducer(self, True)
        super().handle_reply(message)

    async def taken(self) -> None:
        """Wait until there is room for more. Raises OSError when the reader has gone."""
        if self._taken is not None:
            await self._taken.wait()
            if self._disconnected:
                raise OSError("The reader of this answer has gone.")

    def pauseProducing(self) -> None:
        if self._taken is not None:
            self._taken.clear()

    def resumeProducing(self) -> None:
        if self._taken is not None:
            self._taken.set()

    def stopProducing(self) -> None:
        self.resumeProducing()

    def finish(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        self._let_go()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._let_go()
        super().connectionLost(reason)
        self.resumeProducing()


class Factory(HTTPFactory):
    protocol = Channel

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.timeOut = HEAD_S

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol
