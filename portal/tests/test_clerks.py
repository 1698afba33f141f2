"""Requests share a few threads, each with a database connection that it keeps."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async

from portal.clerks import MOST_KEPT_BYTES, Clerks


class Page:
    """An application as Django's: it works in a thread of its context, and says in which."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.threads: list[int] = []
        self._seconds = seconds

    def _work(self) -> None:
        self.threads.append(threading.get_ident())
        time.sleep(self._seconds)

    async def __call__(self, scope: object, receive: object, send: Any) -> None:
        async with ThreadSensitiveContext():
            await sync_to_async(self._work)()
            await send({"type": "http.response.start"})
            await sync_to_async(self._work)()
            await send({"type": "http.response.body"})


async def sent(message: object) -> None:
    """To somebody who reads."""


async def test_any_number_of_requests_is_answered_by_a_few_threads():
    page = Page(0.001)
    clerks = Clerks(page, 3)
    await asyncio.gather(*(asyncio.create_task(clerks({}, None, sent)) for _ in range(20)))
    assert len(page.threads) == 40
    assert len(set(page.threads)) == 3


async def test_a_request_stays_with_its_thread():
    page = Page()
    await Clerks(page, 3)({}, None, sent)
    assert len(set(page.threads)) == 1


async def test_a_request_that_failed_gives_its_thread_back():
    async def broken(scope: object, receive: object, send: object) -> None:
        raise ValueError

    clerks = Clerks(broken, 1)
    for _ in range(3):
        async with asyncio.timeout(5):
            await asyncio.gather(clerks({}, None, None), return_exceptions=True)


async def test_who_does_not_read_its_answer_keeps_no_thread():
    unread: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def to_nobody(message: object) -> None:
        await unread

    clerks = Clerks(Page(), 1)
    stalled = [asyncio.create_task(clerks({}, None, to_nobody)) for _ in range(3)]
    messages: list[Any] = []

    async def to_somebody(message: Any) -> None:
        messages.append(message["type"])

    async with asyncio.timeout(10):
        await clerks({}, None, to_somebody)
    assert messages == ["http.response.start", "http.response.body"]
    unread.set_result(None)
    await asyncio.gather(*stalled)


async def test_what_is_longer_than_any_page_is_made_as_its_reader_takes_it():
    taken: list[int] = []

    async def take(message: Any) -> None:
        taken.append(len(message["body"]))

    async def table(scope: object, receive: object, send: Any) -> None:
        for n in range(1, 6):
            await send({"type": "http.response.body", "body": b"x" * (MOST_KEPT_BYTES // 2), "more_body": True})
            assert len(taken) == (n if n > 2 else 0)

    await Clerks(table, 1)({}, None, take)
    assert len(taken) == 5
