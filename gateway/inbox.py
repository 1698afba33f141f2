"""What an ASGI application has yet to receive."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class Inbox:
    """The application's ``receive``: an unbounded queue for one reader, a tenth of an `asyncio.Queue`'s size."""

    __slots__ = ("_events", "_reader")

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] | None = None
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, event: dict[str, Any]) -> None:
        if self._events is None:
            self._events = deque()
        self._events.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> dict[str, Any]:
        while not self._events:
            self._events = None  # an idle socket keeps no buffer
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
            self._reader = None
        return self._events.popleft()
