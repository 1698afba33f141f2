"""A charger at the door without a network: plays the ASGI server's part for one `ChargerConsumer`."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from gateway.consumers import ChargerConsumer
from gateway.switchboard import Switchboard

OURS: dict[str, Any] = {"websocket.http.response": {}, "chargeyard.line": {}}


class Door:
    """``sent``: what the consumer told the server, in order."""

    def __init__(
        self,
        switchboard: Switchboard,
        path: str = "/ocpp/CP-1",
        *,
        password: str | None = None,
        user: str | None = None,
        subprotocol: str | None = "ocpp1.6",
        address: str = "192.0.2.7",
        extensions: dict[str, Any] | None = None,
        scheme: str = "ws",
    ) -> None:
        self.sent: list[dict[str, Any]] = []
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._news = asyncio.Event()
        headers = []
        if subprotocol is not None:
            headers.append((b"sec-websocket-protocol", subprotocol.encode()))
        if password is not None:
            user = path.rpartition("/")[2] if user is None else user
            headers.append((b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode())))
        scope = {
            "type": "websocket",
            "scheme": scheme,
            "path": path,
            "raw_path": path.encode(),
            "headers": headers,
            "client": (address, 4711),
            "extensions": OURS if extensions is None else extensions,
        }
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(ChargerConsumer(switchboard)(scope, self.inbox.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        self._news.set()

    async def next(self, kind: str, *, within_s: float = 5) -> dict[str, Any]:
        """The first message of a kind, once it is there; taken out of ``sent``."""
        async with asyncio.timeout(within_s):
            while True:
                for message in self.sent:
                    if message["type"] == kind:
                        self.sent.remove(message)
                        return message
                self._news.clear()
                await self._news.wait()

    async def answer(self) -> tuple[int, str]:
        """The HTTP status of the handshake, and the body of a refusal."""
        async with asyncio.timeout(5):
            while True:
                for message in self.sent:
                    if message["type"] == "websocket.accept":
                        return 101, message["subprotocol"]
                    if message["type"] == "websocket.http.response.body":
                        return self.sent[0]["status"], message["body"].decode()
                self._news.clear()
                await self._news.wait()

    @property
    def headers(self) -> dict[str, str]:
        """Of a refusal."""
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    def says(self, text: str) -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "text": text})

    async def leaves(self, code: int = 1000) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        await asyncio.wait_for(self.task, 5)
