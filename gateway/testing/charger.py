"""A charger that does what its test tells it, over a real WebSocket. Keeping promises is the simulator's business."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Payload = dict[str, Any]
Answer = Payload | Callable[[Payload], Payload | None] | None


class CallFailed(Exception):
    """The CSMS answered with a CALLERROR, or a scripted answer wants to be one."""

    def __init__(self, error: str, description: str = "", details: Payload | None = None) -> None:
        super().__init__(error, description, details)
        self.error = error
        self.description = description
        self.details = details or {}


class FakeCharger:
    """`async with FakeCharger(url, "CP-1", password="…") as charger: await charger.call("Heartbeat", {})`.

    `url` ends before the identity, `path` replaces "/identity" where a test wants another. A handshake that is
    refused raises websockets' InvalidStatus. Every frame is kept in `frames` as ("up" | "down", message).
    """

    def __init__(
        self,
        url: str,
        identity: str,
        *,
        password: str | None = None,
        subprotocols: Sequence[str] = ("ocpp1.6",),
        path: str | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.identity = identity
        self.frames: list[tuple[str, Any]] = []
        self._url = url.rstrip("/") + (f"/{quote(identity, safe='')}" if path is None else path)
        self._headers = dict(headers or {})
        if password is not None:
            self._headers["Authorization"] = "Basic " + b64encode(f"{identity}:{password}".encode()).decode()
        self._subprotocols = [Subprotocol(name) for name in subprotocols]
        self._timeout_s = timeout_s
        self._answers: dict[str, Answer] = {}
        self._waiting: dict[str, asyncio.Future[Payload]] = {}
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._commands: asyncio.Queue[tuple[str, Payload]] = asyncio.Queue()
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    # --- the socket ----------------------------------------------------------------------------------------------

    async def connect(self) -> Self:
        self._socket = await connect(
            self._url,
            subprotocols=self._subprotocols or None,
            additional_headers=self._headers,
            open_timeout=self._timeout_s,
            close_timeout=2,
            ping_interval=None,
            max_size=None,
            proxy=None,
        )
        self._reader = asyncio.create_task(self._read(self._socket))
        return self

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    def abort(self) -> None:
        """Be gone without a goodbye, as a charger that lost its power or its network."""
        self.socket.transport.abort()

    async def closed(self) -> int | None:
        """Wait until the CSMS has closed the socket; returns the close code."""
        async with asyncio.timeout(self._timeout_s):
            await self.socket.wait_closed()
        return self.socket.close_code

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def socket(self) -> ClientConnection:
        if self._socket is None:
            raise RuntimeError(f"FakeCharger {self.identity!r} is not connected; use `async with` or connect().")
        return self._socket

    @property
    def subprotocol(self) -> str | None:
        """What the CSMS chose."""
        return self.socket.subprotocol

    # --- calling -------------------------------------------------------------------------------------------------

    async def call(
        self,
        action: str,
        payload: Payload | None = None,
        id: str | None = None,  # noqa: A002 (as in OCPP)
    ) -> Payload:
        """Make a CALL; returns its answer's payload. Raises CallFailed for a CALLERROR, TimeoutError for silence."""
        message_id = id or str(uuid4())
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = answer
        await self.send([2, message_id, action, payload or {}])
        try:
            return await asyncio.wait_for(answer, self._timeout_s)
        finally:
            self._waiting.pop(message_id, None)

    async def send(self, message: Any) -> None:
        """Send any JSON value as a frame."""
        await self.send_raw(orjson.dumps(message).decode())

    async def send_raw(self, frame: str | bytes) -> None:
        """Send text or bytes as they are."""
        self.frames.append(("up", _parsed(frame)))
        await self.socket.send(frame)

    async def recv(self) -> Any:
        """The next frame from the CSMS, of whatever kind, parsed; also those that `call` and `on` dealt with."""
        return await asyncio.wait_for(self._inbox.get(), self._timeout_s)

    # --- being called --------------------------------------------------------------------------------------------

    def on(self, action: str, answer: Answer) -> None:
        """Answer this command so: a payload, or a function of the command's payload.

        The function may raise CallFailed for a CALLERROR, or return None to stay silent; `on(action, None)` is
        silence too. A command without a script gets NotImplemented.
        """
        self._answers[action] = answer

    async def command(self, action: str) -> Payload:
        """Wait for the next command of this action; returns its payload. Others that come before are skipped."""
        async with asyncio.timeout(self._timeout_s):
            while True:
                name, payload = await self._commands.get()
                if name == action:
                    return payload

    # --- inside --------------------------------------------------------------------------------------------------

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                message = _parsed(frame)
                self.frames.append(("down", message))
                self._inbox.put_nowait(message)
                await self._take(message)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError(f"The CSMS closed {self.identity!r} with {socket.close_code}."))

    async def _take(self, message: Any) -> None:
        match message:
            case [2, str(message_id), str(action), dict(payload)]:
                await self._answer(message_id, action, payload)
                self._commands.put_nowait((action, payload))
            case [3, message_id, dict(payload)] if message_id in self._waiting:
                self._waiting[message_id].set_result(payload)
            case [4, message_id, error, *rest] if message_id in self._waiting:
                self._waiting[message_id].set_exception(CallFailed(error, *rest))

    async def _answer(self, message_id: str, action: str, payload: Payload) -> None:
        script = self._answers.get(action, _not_implemented)
        try:
            answer = script(payload) if callable(script) else script
        except CallFailed as failure:
            await self.send([4, message_id, failure.error, failure.description, failure.details])
            return
        if answer is not None:
            await self.send([3, message_id, answer])


def _not_implemented(_payload: Payload) -> Payload:
    raise CallFailed("NotImplemented", "No script for this command; give it one with charger.on(action, answer).")


def _parsed(frame: str | bytes) -> Any:
    """The frame as JSON, or as it is where it is none."""
    try:
        return orjson.loads(frame)
    except orjson.JSONDecodeError:
        return frame
