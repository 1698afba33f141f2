"""Daphne's WebSocket protocol with what OCPP needs: refusals with status, headers and body, any close code,
back-pressure, liveness by any traffic, and no work that only a debugger reads.

Knows ASGI messages and bytes, no OCPP. Browsers' sockets run on it as well.
"""

# ruff: noqa: N802, N803 - Twisted and Autobahn name the methods

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

from autobahn.twisted import websocket as autobahn_twisted
from autobahn.websocket import protocol as autobahn_protocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

# Autobahn renders all its options twice per connection for a debug line that nobody prints: a third of a handshake;
# and colours names and numbers for others.
for renderer in ("pformat", "hltype", "hlval"):
    for module in (autobahn_protocol, autobahn_twisted):
        if hasattr(module, renderer):
            setattr(module, renderer, lambda *args, **kwargs: "")

# A peer that does not read: what we hold for it before we give it up (on top of the transport's own 64 KiB).
UNREAD_LIMIT_BYTES = 256 * 1024
BROKEN_CLOSE_TIMEOUT_S = 1
# zlib at these costs 11 + 8 KiB a socket; at its defaults 256 + 39.
DEFLATE_WINDOW_BITS = 11
DEFLATE_MEMORY_LEVEL = 5
# Given to Autobahn at once: a hundred small frames, some 3 ms in which nobody else is served. A read may bring 64 KiB.
MOUTHFUL_BYTES = 8 * 1024
# Each part of a message counts as so much more: what we hold it in.
PART_BYTES = 64
# Each costs as much as a frame that says something, and its answer waits here until it is read. A charger pings once a
# second at most.
CONTROLS_PER_MINUTE = 600
EXTENSIONS: dict[str, dict[str, Any]] = {"websocket.http.response": {}, "chargeyard.line": {}}


class Socket(WebSocketProtocol):
    heard_at = 0.0
    pinged_at = 0.0
    is_held = False
    unread_bytes: int | None = None  # while the transport is full: what we have written since
    unfed = b""  # read from the transport, not yet given to Autobahn; while there is any, no more is read
    controls = 0  # pings and pongs in this minute
    controls_since = 0.0
    refusal: tuple[list[tuple[bytes, bytes]], bytes] | None = None
    why_dropped = ""
    message_data: list[bytes] | None

    # -- handshake ---------------------------------------------------------------------------------------------------

    def onConnect(self, request: Any) -> Any:
        # Autobahn parses the URL and drops what follows a ';' in the last segment, which would be another identity.
        request.path = self.http_request_uri.partition("?")[0]
        if not request.headers.get("sec-websocket-protocol", "").isascii():
            raise ConnectionDeny(int(HTTPStatus.BAD_REQUEST), "Sec-WebSocket-Protocol is not ASCII.")
        return super().onConnect(request)

    def _onOpen(self) -> None:
        """Without Autobahn's notes on the TLS session, which it would keep with the socket."""
        self.onOpen()

    def onOpen(self) -> None:
        self.heard_at = self.pinged_at = time.monotonic()
        # The HTTP channel that this socket began as is still the transport's producer.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        # Of no use after the handshake.
        self.http_request_data = self.http_response_data = None
        self.http_headers = self.websocket_extensions = self.clean_headers = self.request = None
        if self.unfed:
            self.factory.reactor.callLater(0, self._feed)

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """The answer to a refused handshake, ours or Autobahn's own: status line, headers and a sentence."""
        if code >= 500:
            code = HTTPStatus.SERVICE_UNAVAILABLE  # whatever broke here, the charger should try again
        headers, body = self.refusal or ([(b"content-type", b"text/plain; charset=utf-8")], f"{reason}\n".encode())
        lines = [f"HTTP/1.1 {int(code)} {HTTPStatus(code).phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        lines += [b"content-length: %d" % len(body), b"connection: close", b"", body]
        self.sendData(b"\r\n".join(lines))

    # -- from the application ----------------------------------------------------------------------------------------

    def handle_reply(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "websocket.send":
                text = message.get("text")
                self.serverSend(message["bytes"] if text is None else text, text is None)
            case "websocket.http.response.start":
                self.refusal_status, self.refusal = message["status"], (list(message["headers"]), b"")
            case "websocket.http.response.body":
                assert self.refusal is not None
                self.refusal = (self.refusal[0], self.refusal[1] + message.get("body", b""))
                if not message.get("more_body"):
                    self._refuse(self.refusal_status)
            case "websocket.close" if self.state != self.STATE_CONNECTING:
                self.close_with(message.get("code") or 1000, message.get("reason") or "")
            case "chargeyard.hold":
                self._hold(message["is_held"])
            case "chargeyard.probe":
                self._probe(message["timeout_s"])
            case _:
                super().handle_reply(message)

    def handle_exception(self, exception: BaseException) -> None:
        """The application broke: 503 or 1011, never a 500."""
        if self.state == self.STATE_CONNECTING:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self.close_with(1011, "internal error")

    def serverReject(self) -> None:
        self._refuse(HTTPStatus.FORBIDDEN)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        if self.state != self.STATE_OPEN:
            return
        if self.unread_bytes is not None:
            self.unread_bytes += len(content)
            if self.unread_bytes > UNREAD_LIMIT_BYTES:
                self.drop("does not read what it is sent")
                return
        self.sendMessage(content if binary else content.encode(), binary)

    def close_with(self, code: int, reason: str) -> None:
        """Start the closing handshake. Autobahn's own `sendClose` refuses all codes but 1000 and 3000-4999."""
        if self.state == self.STATE_OPEN:
            self._hold(False)  # or its farewell is never read
            self.sendCloseFrame(code=code, reasonUtf8=reason.encode()[:123].decode("utf-8", "ignore").encode())

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        """Autobahn ends a connection that broke a rule, say with 1009; it may not be able to read the farewell."""
        self.closeHandshakeTimeout = BROKEN_CLOSE_TIMEOUT_S
        super()._fail_connection(code, reason)

    def drop(self, why: str) -> None:
        """End the connection without a closing handshake."""
        self.why_dropped = why
        self.wasNotCleanReason = why
        self.dropConnection(abort=True)

    def _closeConnection(self, abort: bool = False) -> None:
        # TLS does not close while a producer is registered, and we are one.
        self.transport.unregisterProducer()
        super()._closeConnection(abort)

    def _refuse(self, status: int) -> None:
        if (handshake := self.__dict__.pop("handshake_deferred", None)) is not None:
            handshake.errback(ConnectionDeny(int(status), HTTPStatus(status).phrase))
            self.server.protocol_disconnected(self)

    # -- from the peer -----------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        if self.unfed:
            self.unfed += data
            self.transport.pauseProducing()  # once more: Daphne lets it read on after a handshake
        elif len(data) > MOUTHFUL_BYTES or self._is_at_the_door():
            self.unfed = data
            self.transport.pauseProducing()
            self._feed()
        else:
            self._dataReceived(data)

    def _feed(self) -> None:
        """A mouthful, and the next when all others had their turn: by then the application may want no more."""
        if self.is_held or not self.unfed or self._is_at_the_door():
            return
        mouthful, self.unfed = self.unfed[:MOUTHFUL_BYTES], self.unfed[MOUTHFUL_BYTES:]
        self._dataReceived(mouthful)
        if self.unfed:
            self.factory.reactor.callLater(0, self._feed)
        elif not self.is_held:
            self.transport.resumeProducing()

    def _is_at_the_door(self) -> bool:
        """Whether the application has yet to let it in. Until then it has nothing to say, and we nowhere to keep it."""
        return self.state == self.STATE_CONNECTING and "handshake_deferred" in self.__dict__

    def onMessageFrameBegin(self, length: int) -> None:
        """Without this an empty part of a message would cost its sender nothing, and us its place for ever."""
        if self.message_data:
            self.message_data_total_length += PART_BYTES
        super().onMessageFrameBegin(length)

    def processControlFrame(self) -> Any:
        now = time.monotonic()
        if now - self.controls_since >= 60:
            self.controls, self.controls_since = 0, now
        self.controls += 1
        if self.controls == CONTROLS_PER_MINUTE:
            self._fail_connection(1008, f"{CONTROLS_PER_MINUTE} pings and pongs in a minute")
        return super().processControlFrame()

    def onMessageEnd(self) -> None:
        """Without Autobahn's signal to observers, which costs more than the message."""
        if not self.failedByMe:
            self.onMessage(b"".join(self.message_data or ()), self.message_is_binary)
        self.message_data = None

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.state != self.STATE_OPEN:
            return
        if isBinary:
            self.close_with(1003, "this endpoint takes text frames only")
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self.close_with(1007, "a text frame was no UTF-8")
            return
        self.application_queue.put_nowait({"type": "websocket.receive", "text": text})

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if not hasattr(self, "server"):
            return  # Autobahn refused the handshake before we heard of it
        self.server.protocol_disconnected(self)
        if not hasattr(self, "application_queue"):
            return
        if self.localCloseCode is not None and self.closedByMe:
            code, reason = self.localCloseCode, (self.localCloseReason or b"").decode("utf-8", "replace")
        elif not wasClean:
            reason = self.why_dropped or "the connection broke"
        self.application_queue.put_nowait(
            {"type": "websocket.disconnect", "code": code or 1005, "reason": reason or ""}
        )

    # -- liveness ----------------------------------------------------------------------------------------------------

    def check_timeouts(self) -> None:
        """Every 2 s: ping who has been silent, drop who stays so. Any traffic counts as a sign of life."""
        if self.state == self.STATE_CONNECTING:
            if self.duration() > self.server.websocket_connect_timeout:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        interval_s, timeout_s = self.server.ping_interval, self.server.ping_timeout
        if self.state != self.STATE_OPEN or self.is_held or interval_s <= 0:
            return  # while we do not read, silence says nothing
        now = time.monotonic()
        if self.pinged_at > self.heard_at:
            if now - self.pinged_at > timeout_s:
                self.drop(f"did not answer our ping within {timeout_s} s")
        elif now - self.heard_at > interval_s:
            self._ping()

    def _ping(self) -> None:
        self.pinged_at = time.monotonic()
        self.sendPing()

    def _probe(self, timeout_s: float) -> None:
        if self.state == self.STATE_OPEN and not self.is_held:
            self._ping()
            self.factory.reactor.callLater(timeout_s, self._judge_probe, self.pinged_at)

    def _judge_probe(self, pinged_at: float) -> None:
        if self.heard_at < pinged_at and self.state == self.STATE_OPEN and not self.is_held:
            self.drop("did not answer our ping when a newcomer wanted its place")

    # -- flow --------------------------------------------------------------------------------------------------------

    def _hold(self, is_held: bool) -> None:
        """Stop reading, so that the peer's TCP stops sending; or go on."""
        if self.state != self.STATE_OPEN or is_held == self.is_held:
            return
        self.is_held = is_held
        if is_held:
            self.transport.pauseProducing()
        else:
            self.heard_at = time.monotonic()
            if self.unfed:
                self._feed()
            else:
                self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        """Called by the transport when its buffer is full, and at each write while it is."""
        if self.unread_bytes is None:
            self.unread_bytes = 0

    def resumeProducing(self) -> None:
        self.unread_bytes = None

    def stopProducing(self) -> None:
        """Called by the transport when the connection is gone; `onClose` follows."""


def accept_deflate(offers: list[Any]) -> PerMessageDeflateOfferAccept | None:
    """Take the first permessage-deflate offer that lets us keep our windows small."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            bits = min(DEFLATE_WINDOW_BITS, offer.request_max_window_bits or DEFLATE_WINDOW_BITS)
            return PerMessageDeflateOfferAccept(
                offer,
                request_max_window_bits=DEFLATE_WINDOW_BITS if offer.accept_max_window_bits else 0,
                window_bits=bits,
                mem_level=DEFLATE_MEMORY_LEVEL,
            )
    return None


class SocketFactory(WebSocketFactory):
    protocol = Socket
