"""The browser's side of the live feed: a page says which topics it shows and hears when one of them changed.

Nothing but topic names goes to the browser; it asks the views for the parts, and these apply the permissions.
"""

from __future__ import annotations

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from portal.live import FLUSH_S, GROUP

TICK_S = 10
MOST_TOPICS = 2000


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """``{"watch": [topics]}`` from the page; ``{"changed": [topics]}`` and, every 10 s, ``{"tick": true}`` to it."""

    groups = [GROUP]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watched: frozenset[str] = frozenset()
        self.news: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.is_flushing = False

    async def connect(self) -> None:
        await self.accept()
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            # Accepted first: a browser does not show the page the status of a refused handshake.
            await self.close(code=4401)
            return
        self._spawn(self._tick())

    async def disconnect(self, code: int) -> None:
        for task in self.tasks:
            task.cancel()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        topics = content.get("watch") if isinstance(content, dict) else None
        if isinstance(topics, list):
            self.watched = frozenset(topic for topic in topics[:MOST_TOPICS] if isinstance(topic, str))

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        try:
            return await super().decode_json(text_data)
        except (ValueError, RecursionError):
            return None

    async def live_changed(self, event: dict[str, Any]) -> None:
        """Several processes announce; the page still hears at most four times a second."""
        self.news |= self.watched.intersection(event["topics"])
        if self.news and not self.is_flushing:
            self.is_flushing = True
            self._spawn(self._flush())

    async def _flush(self) -> None:
        await asyncio.sleep(FLUSH_S)
        news, self.news, self.is_flushing = self.news, set(), False
        await self.send_json({"changed": sorted(news)})

    async def _tick(self) -> None:
        """Shows a page behind a dead network that nobody is there any more."""
        while True:
            await asyncio.sleep(TICK_S)
            await self.send_json({"tick": True})

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
