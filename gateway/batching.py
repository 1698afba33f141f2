"""Single requests of many connections, done together in one database thread.

A storm of handshakes becomes a few statements, and the event loop never waits for the database. One thread, for all
batches of the process: SQLite takes one writer at a time, and PostgreSQL is not asked for more than one connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import OperationalError, close_old_connections, connections

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Result = TypeVar("Result")

WINDOW_S = 0.010
LARGEST = 500


class DatabaseThread:
    """Where this process's event loop has its database work done."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-database")

    async def run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._do, work)

    def close(self) -> None:
        self._executor.submit(close_connections)
        self._executor.shutdown(wait=True)

    @staticmethod
    def _do(work: Callable[[], Result]) -> Result:
        close_old_connections()  # one that broke is replaced
        try:
            return work()
        except OperationalError:
            # Once more: a deadlock with a worker's batch, or a connection that the server had closed.
            close_old_connections()
            return work()


def close_connections() -> None:
    """Close this thread's connections."""
    connections.close_all()


class MicroBatch(Generic[Request, Answer]):
    """``work`` gets the requests of ``window_s`` (more while it is busy) and answers each, in their order."""

    def __init__(
        self,
        thread: DatabaseThread,
        work: Callable[[list[Request]], Sequence[Answer]],
        *,
        window_s: float = WINDOW_S,
    ) -> None:
        self._thread = thread
        self._work = work
        self._window_s = window_s
        self._waiting: list[tuple[Request, asyncio.Future[Answer]]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def __call__(self, request: Request) -> Answer:
        """The answer to one request. Raises what ``work`` raised for its batch."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((request, answer))
        if self._flusher is None:
            self._flusher = loop.create_task(self._flush())
        return await answer

    async def _flush(self) -> None:
        await asyncio.sleep(self._window_s)
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
            await self._do([(request, answer) for request, answer in batch if not answer.done()])
        self._flusher = None

    async def _do(self, batch: list[tuple[Request, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._thread.run(lambda: self._work([request for request, _ in batch]))
        except Exception as error:  # each of the batch hears it, and nothing else stops
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
