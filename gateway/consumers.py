"""A charger's WebSocket: lets it in, hands frames to its `Relay`, and closes with the right code.

A Channels consumer without what costs per message: no channel layer, no thread hop for database connections, no ORM.
It runs under any ASGI server; ours (`gateway.server`) offers two extensions that it uses where they are:
``websocket.http.response`` (refuse with a status) and ``chargeyard.line`` (stop reading; ping now).
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from chargers.connections import Claim
from gateway import crash, frames, metrics, topics
from gateway.admission import PROBE_S
from gateway.handshake import Caller, Refusal, Stranger, read
from gateway.relay import Relay
from gateway.switchboard import Switchboard

log = structlog.get_logger(__name__)


class ChargerConsumer(AsyncWebsocketConsumer):
    channel_layer_alias = None

    claim: Claim
    key: str
    relay: Relay
    is_connected = False
    is_refused = False

    def __init__(self, switchboard: Switchboard) -> None:
        self.switchboard = switchboard
        self.connected_at = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.base_send = send
        self.scope: Any = scope
        self.extensions = frozenset(scope.get("extensions") or ())
        del scope  # headers and all: of no use after the handshake, and 10,000 connections hold one each
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            self._left(1006, "the server ended the connection")

    async def dispatch(self, message: Any) -> None:
        if message["type"] == "websocket.receive":
            await self.receive(message.get("text"), message.get("bytes"))
        elif message["type"] == "websocket.connect":
            await self.connect()
            self.scope = None
        else:
            self._left(message.get("code", 1005), message.get("reason") or "closed by the charger")
            raise StopConsumer

    async def connect(self) -> None:
        scope, caller = self.scope, None
        try:
            caller = read(scope)
            self.claim = await self.switchboard.admit(caller)
        except Stranger as stranger:
            assert caller is not None
            await self.accept(caller.answered)
            await self.close(1008, stranger.sentence)
            _log_refusal(scope, caller, stranger)
        except Refusal as refusal:
            await self._refuse(refusal)
            _log_refusal(scope, caller, refusal)
        else:
            await self._put_through(caller)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self.is_connected:
            return
        if text_data is None:
            self.hang_up(1003, "OCPP-J speaks in text frames; this one was binary")
        else:
            self.relay.from_charger(text_data, time.monotonic())

    async def _put_through(self, caller: Caller) -> None:
        self.key = topics.key(self.claim.identity)
        self.relay = Relay(self.claim.identity, self, frames.types_of(self.claim.subprotocol), self.switchboard.turns)
        self.connected_at = time.monotonic()
        self.is_connected = True
        await self.accept(caller.answered)
        self.switchboard.connect(self)
        log.info(
            "connected",
            charger=self.claim.identity,
            subprotocol=self.claim.subprotocol,
            address=caller.address,
            epoch=self.claim.epoch,
        )

    async def _refuse(self, refusal: Refusal) -> None:
        if "websocket.http.response" not in self.extensions:
            await self.close()
            return
        body = refusal.sentence.encode("utf-8", "replace") + b"\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers]
        await self.base_send(
            {"type": "websocket.http.response.start", "status": int(refusal.status), "headers": headers}
        )
        await self.base_send({"type": "websocket.http.response.body", "body": body})

    def _left(self, code: int, reason: str) -> None:
        """Once for each connection that was put through, however it ended."""
        if not self.is_connected:
            return
        self.is_connected = False
        self.relay.end(time.monotonic())
        self.switchboard.leave(self, code, reason)
        log.info(
            "disconnected",
            charger=self.claim.identity,
            epoch=self.claim.epoch,
            code=code,
            reason=reason,
            seconds=round(time.monotonic() - self.connected_at),
        )

    # -- the ends of the relay, and the line of the switchboard ------------------------------------------------------

    def publish(self, text: str) -> None:
        self.switchboard.send(self, text)

    def deliver(self, text: str) -> None:
        metrics.FRAMES_DOWN.inc()
        self._post({"type": "websocket.send", "text": text})
        crash.at("gateway.reply_written")

    def hold(self, is_held: bool) -> None:
        if "chargeyard.line" in self.extensions:
            self._post({"type": "chargeyard.hold", "is_held": is_held})

    def probe(self) -> None:
        if "chargeyard.line" in self.extensions:
            self._post({"type": "chargeyard.probe", "timeout_s": PROBE_S})

    def hang_up(self, code: int, reason: str) -> None:
        self._post({"type": "websocket.close", "code": code, "reason": reason})

    def _post(self, message: dict[str, Any]) -> None:
        self.switchboard.spawn(self.base_send(message))


def _log_refusal(scope: Any, caller: Caller | None, refusal: Refusal) -> None:
    metrics.REFUSED.labels(int(refusal.status)).inc()
    log.info(
        "refused",
        charger=caller.identity if caller else scope["path"][-128:],
        status=int(refusal.status),
        address=caller.address if caller else (scope.get("client") or [""])[0],
        why=refusal.sentence,
    )
