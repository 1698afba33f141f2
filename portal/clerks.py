"""The threads that answer people and integrators: few, and each keeps its connection to the database.

Django gives every request a thread of its own, which opens a connection of its own: PostgreSQL starts a process for
each page, and nothing bounds how many there are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

CLERKS = 8
MOST_KEPT_BYTES = 2 * 1024 * 1024  # of an answer: more than any page or file of ours


class Clerks:
    """An ASGI application whose synchronous parts run in one of ``count`` threads; who finds none free waits.

    A clerk makes an answer whole and turns to the next: who reads slowly, or not at all, keeps nobody but itself. Only
    what is longer than any page, a table of a whole fleet, is made as its reader takes it.
    """

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[None]], count: int = CLERKS) -> None:
        self._application = application
        self._free: asyncio.Queue[ThreadSensitiveContext] = asyncio.Queue()
        for _ in range(count):
            # A thread comes with its first work. In turns: one that is still busy for somebody who has left comes last.
            self._free.put_nowait(ThreadSensitiveContext())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer: deque[dict[str, Any]] = deque()
        size = 0

        async def tell() -> None:
            while answer:
                await send(answer.popleft())

        async def keep(message: dict[str, Any]) -> None:
            nonlocal size
            size += len(message.get("body", b""))
            answer.append(message)
            if size > MOST_KEPT_BYTES:
                await tell()

        clerk = await self._free.get()
        # Django's handler enters a context of its own only where there is none.
        token = SyncToAsync.thread_sensitive_context.set(clerk)
        try:
            await self._application(scope, receive, keep)
        finally:
            SyncToAsync.thread_sensitive_context.reset(token)
            self._free.put_nowait(clerk)
        with suppress(OSError):  # its reader has gone
            await tell()
