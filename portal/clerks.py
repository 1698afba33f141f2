"""The threads that answer people and integrators: few, and each keeps its connection to the database.

Django gives every request a thread of its own, which opens a connection of its own: PostgreSQL starts a process for
each page, and nothing bounds how many there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

CLERKS = 8


class Clerks:
    """An ASGI application whose synchronous parts run in one of ``count`` threads; who finds none free waits.

    Who reads slowly, or not at all, keeps nobody but itself: an answer is sent when its clerk is done with it, and one
    that is made in parts by whichever clerk is free when the reader has taken the last.
    """

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[None]], count: int = CLERKS) -> None:
        self._application = application
        self._free: asyncio.Queue[ThreadSensitiveContext] = asyncio.Queue()
        for _ in range(count):
            # A thread comes with its first work. In turns: one that is still busy for somebody who has left comes last.
            self._free.put_nowait(ThreadSensitiveContext())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        visit = _Visit(self._free, send)
        await visit.begin()
        try:
            await self._application(scope, receive, visit.take)
        finally:
            visit.end()
        with suppress(OSError):  # its reader has gone
            await visit.send_rest()


class _Visit:
    """A request, the clerk that it has, and what of its answer is not sent yet."""

    def __init__(self, free: asyncio.Queue[ThreadSensitiveContext], send: Any) -> None:
        self._free = free
        self._send = send
        self._clerk: ThreadSensitiveContext | None = None
        self._unsent: list[dict[str, Any]] = []

    async def begin(self) -> None:
        self._clerk = await self._free.get()
        # Django's handler enters a context of its own only where there is none. A request is a task of its own: what is
        # set here is seen by nobody else.
        SyncToAsync.thread_sensitive_context.set(self._clerk)

    def end(self) -> None:
        if self._clerk is not None:
            self._free.put_nowait(self._clerk)
            self._clerk = None

    async def take(self, message: dict[str, Any]) -> None:
        """What the application sends."""
        self._unsent.append(message)
        if message.get("more_body"):
            self.end()
            await self.send_rest()
            await self.begin()

    async def send_rest(self) -> None:
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            await self._send(message)
