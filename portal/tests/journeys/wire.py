"""A bare WebSocket with a charger's manners off: sends any text, reads any text."""

from __future__ import annotations

import asyncio
import base64
import itertools
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import websockets

from portal.tests.journeys.stack import Stack

BOOT = {
    "ocpp1.6": {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"},
    "ocpp2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"vendorName": "Acme", "model": "Street 50"},
    },
}
BOOT["ocpp2.1"] = BOOT["ocpp2.0.1"]


class Wire:
    def __init__(self, identity: str, socket: websockets.ClientConnection) -> None:
        self.identity, self.socket = identity, socket
        self._ids = (f"{uuid.uuid4().hex[:8]}-{n}" for n in itertools.count())

    async def send(self, frame: Any) -> None:
        """Text and bytes go as they are, anything else as JSON."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else orjson.dumps(frame).decode())

    async def receive(self, within_s: float = 10) -> Any:
        return orjson.loads(await asyncio.wait_for(self.socket.recv(), within_s))

    async def call(self, action: str, payload: Any, message_id: str = "") -> Any:
        """The whole answer frame: [3, id, payload] or [4, id, code, …]."""
        message_id = message_id or next(self._ids)
        await self.send([2, message_id, action, payload])
        answer = await self.receive()
        assert answer[1] == message_id, answer
        return answer

    async def told(self, action: str, payload: Any) -> dict[str, Any]:
        """The payload of a CALLRESULT."""
        answer = await self.call(action, payload)
        assert answer[0] == 3, answer
        result: dict[str, Any] = answer[2]
        return result

    async def is_alive(self) -> bool:
        return "currentTime" in await self.told("Heartbeat", {})

    async def close_code(self, within_s: float = 10) -> int:
        """The code with which the server closes; what it says until then is passed over."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    await self.socket.recv()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


def basic(identity: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()}


@asynccontextmanager
async def dial(
    stack: Stack,
    identity: str,
    password: str,
    subprotocol: str = "ocpp1.6",
    *,
    boot: bool = False,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[Wire]:
    """``tls``: dial the port of TLS, by this context."""
    options.setdefault("compression", None)
    async with websockets.connect(
        f"{stack.secure_ocpp_url if tls else stack.ocpp_url}/{identity}",
        ssl=tls,
        subprotocols=[websockets.Subprotocol(subprotocol)],
        additional_headers=basic(identity, password) if password else {},
        max_size=None,
        proxy=None,
        **options,
    ) as socket:
        wire = Wire(identity, socket)
        if boot:
            assert (await wire.told("BootNotification", BOOT[subprotocol]))["status"] == "Accepted"
        yield wire


@asynccontextmanager
async def booted(stack: Stack, subprotocol: str = "ocpp1.6", **options: Any) -> AsyncIterator[Wire]:
    """A new charger, registered, connected and booted."""
    identity = f"CP-{uuid.uuid4().hex[:10]}"
    password = await asyncio.to_thread(stack.register, identity)
    async with dial(stack, identity, password, subprotocol, boot=True, **options) as wire:
        yield wire


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
