"""Requests share a few threads, each with a database connection that it keeps."""

from __future__ import annotations

import asyncio
import threading
import time

from asgiref.sync import ThreadSensitiveContext, sync_to_async

from portal.clerks import Clerks


class Page:
    """An application as Django's: it works in a thread of its context, and says in which."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.threads: list[int] = []
        self._seconds = seconds

    def _work(self) -> None:
        self.threads.append(threading.get_ident())
        time.sleep(self._seconds)

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        async with ThreadSensitiveContext():
            await sync_to_async(self._work)()
            await sync_to_async(self._work)()


async def test_any_number_of_requests_is_answered_by_a_few_threads():
    page = Page(0.001)
    clerks = Clerks(page, 3)
    await asyncio.gather(*(asyncio.create_task(clerks({}, None, None)) for _ in range(20)))
    assert len(page.threads) == 40
    assert len(set(page.threads)) == 3


async def test_a_request_stays_with_its_thread():
    page = Page()
    await Clerks(page, 3)({}, None, None)
    assert len(set(page.threads)) == 1


async def test_a_request_that_failed_gives_its_thread_back():
    async def broken(scope: object, receive: object, send: object) -> None:
        raise ValueError

    clerks = Clerks(broken, 1)
    for _ in range(3):
        async with asyncio.timeout(5):
            await asyncio.gather(clerks({}, None, None), return_exceptions=True)
