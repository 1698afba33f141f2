"""The fault proxy on real sockets: each bad line is what its name says, and a good one is as if it were not there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from portal.chaos.proxy import Lines, Proxy, Weather


@dataclass
class Echo:
    """A server that says everything back; ``ended``: how its connections ended, ``sizes``: what its reads brought."""

    port: int
    ended: list[str]
    sizes: list[int]


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    seen = Echo(0, [], [])

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                seen.sizes.append(len(data))
                writer.write(data)
                await writer.drain()
            seen.ended.append("closed")
        except ConnectionError:
            seen.ended.append("reset")
        writer.close()

    talks = set()
    server = await asyncio.start_server(lambda *streams: talks.add(asyncio.create_task(talk(*streams))), "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    yield seen
    server.close()
    for task in talks:
        task.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    line = Proxy([("127.0.0.1", echo.port)])
    await line.open()
    yield line
    await line.close()


async def dial(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def say(line, data: bytes = b"hello", within_s: float = 5.0) -> bytes:
    reader, writer = line
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), within_s)


async def until(look, within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_a_good_line_passes_everything_and_closes_as_it_was_closed(proxy, echo):
    line = await dial(proxy)
    assert await say(line, b"x" * 1_000_000) == b"x" * 1_000_000
    line[1].close()
    await until(lambda: echo.ended == ["closed"])
    await until(lambda: proxy.connections == 0)


async def test_latency_is_added_each_way(proxy):
    line = await dial(proxy)
    proxy.weather = Weather(latency_s=0.15)
    began = time.monotonic()
    await say(line)
    assert 0.3 <= time.monotonic() - began < 2


async def test_a_narrow_line_takes_its_time(proxy):
    line = await dial(proxy)
    proxy.weather = Weather(bytes_per_s=20_000)
    began = time.monotonic()
    await say(line, b"x" * 10_000)
    assert time.monotonic() - began >= 0.45  # both directions at once


async def test_slices_arrive_in_pieces_and_in_order(proxy, echo):
    line = await dial(proxy)
    proxy.weather = Weather(slice_bytes=3)
    told = bytes(range(100))
    assert await say(line, told) == told
    assert max(echo.sizes) < 100
    assert sum(echo.sizes) == 100


async def test_a_paused_line_holds_everything_and_loses_nothing(proxy):
    line = await dial(proxy)
    proxy.pause()
    with pytest.raises(TimeoutError):
        await say(line, within_s=0.2)
    proxy.resume()
    assert await asyncio.wait_for(line[0].readexactly(5), 2) == b"hello"


async def test_a_cut_is_a_reset_on_both_sides(proxy, echo):
    line = await dial(proxy)
    await say(line)
    assert proxy.cut() == 1
    with pytest.raises(ConnectionResetError):
        await say(line)
    await until(lambda: echo.ended == ["reset"])
    assert await say(await dial(proxy)) == b"hello"


async def test_a_deaf_line_stays_open_and_swallows_all_and_a_new_one_is_good(proxy, echo):
    line = await dial(proxy)
    await say(line)
    assert proxy.deafen() == 1
    with pytest.raises(TimeoutError):
        await say(line, within_s=0.2)
    line[1].close()
    assert await say(await dial(proxy)) == b"hello"
    assert echo.ended == []  # it still believes in the first one


async def test_a_shut_line_refuses_and_opens_again_on_its_port(proxy):
    line = await dial(proxy)
    await proxy.shut()
    with pytest.raises(ConnectionRefusedError):
        await dial(proxy)
    assert await say(line) == b"hello"
    await proxy.clear_up()
    assert await say(await dial(proxy)) == b"hello"


async def test_who_does_not_answer_is_passed_over(echo):
    with_a_dead_one = Proxy([("127.0.0.1", 1), ("127.0.0.1", echo.port)])
    await with_a_dead_one.open()
    for _ in range(3):
        assert await say(await dial(with_a_dead_one)) == b"hello"
    await with_a_dead_one.close()


async def test_where_nobody_answers_the_caller_is_reset():
    nowhere = Proxy([("127.0.0.1", 1)])
    await nowhere.open()
    with pytest.raises(ConnectionResetError):
        await say(await dial(nowhere))
    await nowhere.close()


async def test_lines_are_ruled_from_another_thread(echo):
    with Lines() as lines:
        port = await asyncio.to_thread(lines.add, "charger-gateway", ("127.0.0.1", echo.port))
        line = await asyncio.open_connection("127.0.0.1", port)
        await say(line)
        assert lines.with_("charger-gateway", Proxy.cut) == 1
        with pytest.raises(ConnectionResetError):
            await say(line)
        lines.set_weather("charger-gateway", Weather(latency_s=9))
        lines.clear_up("charger-gateway")
        assert await say(await asyncio.open_connection("127.0.0.1", port)) == b"hello"
