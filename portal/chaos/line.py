"""A charger's socket: dials, notices when it is dead, and says what happened to whoever listens. Knows no OCPP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Protocol, cast
from urllib.parse import quote

from portal.bench import wire
from portal.bench.charger import Door

DIAL_S = 15.0  # for the whole handshake
PING_AFTER_S = 6.0  # of silence
DEAD_AFTER_S = 12.0  # of silence: six for the pong


class Owner(Protocol):
    """Whose socket it is."""

    def opened(self) -> None: ...

    def heard(self, text: str) -> None: ...

    def refused(self, status: int, retry_after_s: float) -> None: ...

    def lost(self, code: int) -> None:
        """The connection has ended, or never came: ``code`` of the close frame, 1006 without one."""


class Line(asyncio.Protocol):
    """One connection; a new one for the next. Each ends in `refused` or `lost`, once."""

    def __init__(self, owner: Owner, door: Door, identity: str, subprotocol: str) -> None:
        self._owner: Owner | None = owner
        self._loop = asyncio.get_running_loop()
        self._door = door
        self._identity, self._subprotocol = identity, subprotocol
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._decoder = wire.Decoder()
        self._mask = os.urandom(4)
        self._close_code = 1006
        self._heard_at = self._loop.time()
        self._is_pinged = False
        self.is_open = False

    async def dial(self) -> None:
        try:
            await asyncio.wait_for(self._loop.create_connection(lambda: self, self._door.host, self._door.port), DIAL_S)
        except (OSError, TimeoutError):
            self._end()

    def send(self, text: str) -> None:
        self._write(wire.TEXT, text.encode())

    def look_at_the_clock(self) -> None:
        """Once a second: ping a silent server, give up a dead one."""
        silent_s = self._loop.time() - self._heard_at
        if silent_s > (DEAD_AFTER_S if self.is_open else DIAL_S):
            if self._transport is not None:
                self._transport.abort()  # what it has not taken by now it never will
            self._end()
        elif self.is_open and silent_s > PING_AFTER_S and not self._is_pinged:
            self._is_pinged = True
            self._write(wire.PING, b"")

    # -- asyncio -----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._owner is None:  # given up meanwhile
            self._transport.abort()
            return
        self._transport.write(
            wire.handshake(
                f"{self._door.host}:{self._door.port}",
                f"/ocpp/{quote(self._identity)}",
                user=self._identity,
                password=self._door.password,
                subprotocol=self._subprotocol,
            )
        )

    def data_received(self, data: bytes) -> None:
        self._heard_at, self._is_pinged = self._loop.time(), False
        if not self.is_open:
            self._head += data
            if wire.END_OF_HEAD not in self._head:
                return
            head, _, data = self._head.partition(wire.END_OF_HEAD)
            status, retry_after_s = wire.status(head)
            if status != 101:
                self._end(lambda owner: owner.refused(status, retry_after_s))
                return
            self.is_open = True
            if self._owner is not None:
                self._owner.opened()
        for kind, payload in self._decoder.feed(data):
            self._got(kind, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _got(self, kind: int, payload: bytes) -> None:
        if kind == wire.TEXT and self._owner is not None:
            self._owner.heard(payload.decode())
        elif kind == wire.PING:
            self._write(wire.PONG, payload)
        elif kind == wire.CLOSE:
            self._close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self._write(wire.CLOSE, payload[:2])
            self._end()

    def _write(self, kind: int, payload: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(wire.encode(kind, payload, self._mask))

    def _end(self, tell: Callable[[Owner], None] | None = None) -> None:
        owner, self._owner, self.is_open = self._owner, None, False
        if self._transport is not None:
            self._transport.close()  # what was written still goes out
        if owner is not None:
            (tell or self._tell_lost)(owner)

    def _tell_lost(self, owner: Owner) -> None:
        owner.lost(self._close_code)
