"""The way of a topic: signal → announcer → channel layer → consumer → page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User

from chargers.models import Charger
from chargers.signals import charger_changed, command_changed
from portal.consumers import LiveConsumer
from portal.live import GROUP, Announcer
from sessions.signals import session_changed

# Channels looks at the thread's database connection before each message, though the consumer has no query of its own.
pytestmark = pytest.mark.django_db


@pytest.fixture
def memory_layer(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the receivers announce, instead of a thread and a layer."""
    from portal import live

    topics: list[str] = []
    monkeypatch.setattr(live.announcer, "announce", topics.extend)
    return topics


@pytest.fixture
async def page(memory_layer: None) -> AsyncIterator[WebsocketCommunicator]:
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/live/")
    socket.scope["user"] = User(username="alice")
    connected, _ = await socket.connect()
    assert connected
    yield socket
    await socket.disconnect()


async def news(*topics: str) -> None:
    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(GROUP, {"type": "live.changed", "topics": list(topics)})


async def test_a_page_hears_of_what_it_watches_and_of_nothing_else(page):
    await page.send_json_to({"watch": ["charger-1", "sessions"]})
    await asyncio.sleep(0.01)
    await news("charger-1", "charger-2", "chargers")
    assert await page.receive_json_from() == {"changed": ["charger-1"]}


async def test_many_news_at_once_make_one_message(page):
    await page.send_json_to({"watch": ["charger-1", "charger-2"]})
    await asyncio.sleep(0.01)
    for number in (1, 2, 1, 2, 1):
        await news(f"charger-{number}")
    assert await page.receive_json_from() == {"changed": ["charger-1", "charger-2"]}
    assert await page.receive_nothing(timeout=0.4)


@pytest.mark.parametrize("nonsense", ["no json", "[]", '{"watch": 3}', '{"watch": [1, null]}', "null", "[" * 100_000])
async def test_nonsense_from_a_page_ends_nothing(page, nonsense):
    await page.send_to(text_data=nonsense)
    await page.send_json_to({"watch": ["chargers"]})
    async with asyncio.timeout(20):
        await news("chargers")
        while await page.receive_nothing(timeout=1):  # told before it had begun to watch
            await news("chargers")
    assert await page.receive_json_from() == {"changed": ["chargers"]}


async def test_nobody_listens_without_a_login(memory_layer):
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/live/")
    socket.scope["user"] = AnonymousUser()
    await socket.connect()
    assert (await socket.receive_output())["code"] == 4401


def test_each_signal_names_the_topics_that_pages_watch(announced):
    charger_changed.send(Charger, charger_ids={7})
    command_changed.send(Charger, command_ids=set(), charger_ids={7})
    session_changed.send(Charger, session_ids={9}, charger_ids={7})
    assert announced == ["chargers", "charger-7", "jobs", "commands-7", "sessions", "session-9", "charger-7"]


def test_a_channel_layer_that_is_down_never_reaches_who_announces(settings, monkeypatch, caplog):
    from portal import live

    monkeypatch.setattr(live, "FLUSH_S", 0.0)
    broken = type("Broken", (), {"group_send": staticmethod(_refuse)})
    monkeypatch.setattr(live, "get_channel_layer", lambda: broken)
    announcer = Announcer()
    with caplog.at_level("WARNING", logger="portal.live"):
        announcer.announce(["chargers"])
        _wait_for(lambda: "ConnectionError" in caplog.text)
    announcer.announce(["chargers"])


async def _refuse(*args: Any) -> None:
    raise ConnectionError("no Redis")


def _wait_for(condition: Any) -> None:
    import time

    for _ in range(100):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("It did not happen within 2 s.")
