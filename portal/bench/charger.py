"""One charger of the load on the event loop: its socket, its CALL in flight, and who is told what becomes of them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import quote

from portal.bench import wire
from portal.bench.mix import SUBPROTOCOL, Station

GOING_AWAY = b"\x03\xe8"
NOT_SERVED = '[4,"{}","NotImplemented","The bench only asks.",{{}}]'


@dataclass(frozen=True, slots=True)
class Door:
    """Where and how the chargers of one generator dial in."""

    host: str
    port: int
    password: str
    source: str = ""  # the address to call from


class Listener(Protocol):
    """A phase of the load; ``seconds`` of an answer count from when its CALL was due."""

    def opened(self, charger: Charger) -> None: ...

    def refused(self, charger: Charger, status: int, retry_after_s: float) -> None: ...

    def answered(self, charger: Charger, seconds: float, is_result: bool) -> None: ...

    def lost(self, charger: Charger) -> None: ...


class Charger(asyncio.Protocol):
    """``listener`` may change from phase to phase; the socket and the station's memory stay."""

    def __init__(self, number: int, door: Door, listener: Listener) -> None:
        self.station = Station(number)
        self.listener = listener
        self.is_open = False
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._decoder = wire.Decoder()
        self._due_at = 0.0
        self._mask = os.urandom(4)

    async def dial(self) -> None:
        """Open a connection; what becomes of it hears the listener. Raises OSError."""
        source = (self._door.source, 0) if self._door.source else None
        await self._loop.create_connection(lambda: self, self._door.host, self._door.port, local_addr=source)

    def ask(self, frame: str, due_at: float) -> None:
        """Send a CALL of the station."""
        self._due_at = due_at
        self._send(wire.TEXT, frame)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.write(wire.encode(wire.CLOSE, GOING_AWAY, self._mask))
            self._transport.close()

    def vanish(self) -> None:
        """Be gone without a word, and hear nothing of it."""
        self._end()

    # -- asyncio ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._head, self._decoder = b"", wire.Decoder()
        identity, door = self.station.identity, self._door
        self._transport.write(
            wire.handshake(
                f"{door.host}:{door.port}",
                f"/ocpp/{quote(identity)}",
                user=identity,
                password=door.password,
                subprotocol=SUBPROTOCOL,
            )
        )

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            self._head += data
            if wire.END_OF_HEAD not in self._head:
                return
            head, _, data = self._head.partition(wire.END_OF_HEAD)
            status, retry_after_s = wire.status(head)
            if status != 101:
                self._end()
                self.listener.refused(self, status, retry_after_s)
                return
            self.is_open = True
            self.listener.opened(self)
        for kind, payload in self._decoder.feed(data):
            self._heard(kind, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        was_known = self._transport is not None
        self._end()
        if was_known:
            self.listener.lost(self)

    def _heard(self, kind: int, payload: bytes) -> None:
        if kind == wire.TEXT:
            text = payload.decode()
            if text.startswith("[2,"):
                self._send(wire.TEXT, NOT_SERVED.format(text.split('"', 2)[1]))
                return
            is_result = self.station.hear(text)
            self.listener.answered(self, self._loop.time() - self._due_at, is_result)
        elif kind == wire.PING and self._transport is not None:
            self._transport.write(wire.encode(wire.PONG, payload, self._mask))

    def _send(self, kind: int, text: str) -> None:
        if self._transport is not None:
            self._transport.write(wire.encode(kind, text.encode(), self._mask))

    def _end(self) -> None:
        """Without a word to the listener."""
        if self._transport is not None:
            self._transport.abort()
        self._transport = None
        self.is_open = False
        self.station.forget()
