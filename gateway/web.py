"""Daphne's HTTP with bounds: what is sent to us has a limit before it is read, and an answer is not made faster than
its reader takes it (firmware for a charger on a slow line would wait in our memory). Each socket begins here as well.
"""

# ruff: noqa: N802 - Twisted names the methods

from __future__ import annotations

import asyncio
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest

PROTOCOL = b"Sec-WebSocket-Protocol"


class Request(WebRequest):
    _taken: asyncio.Event | None = None  # set while its reader keeps up
    _received_bytes = 0

    # -- what is sent to us ------------------------------------------------------------------------------------------

    def process(self) -> Any:
        """Before it may become a socket: whoever names a subprotocol twice means it once (Autobahn would refuse it)."""
        if offered := self.requestHeaders.getRawHeaders(PROTOCOL):
            names = dict.fromkeys(name.strip() for name in b",".join(offered).split(b","))
            self.requestHeaders.setRawHeaders(PROTOCOL, [b", ".join(filter(None, names))])
        return super().process()

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > self.server.body_limit_bytes:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._received_bytes += len(data)
        if self._received_bytes > self.server.body_limit_bytes:
            self._refuse()
        else:
            super().handleContentChunk(data)

    def _refuse(self) -> None:
        sentence = f"Nobody may send more than {self.server.body_limit_bytes} bytes here.\n".encode()
        self.transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(sentence), sentence)
        )
        self.transport.loseConnection()

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
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        self.resumeProducing()


class Factory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol
