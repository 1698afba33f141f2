"""A TCP line that can be made bad while it is in use: slow, narrow, cut into slices, paused, deaf, reset, refused.

Knows bytes and connections, nothing of what they carry. All of a `Proxy` belongs to one event loop; `Lines` runs many
on a thread of their own for callers that have none.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

Address = tuple[str, int]
Result = TypeVar("Result")

CHUNK_BYTES = 64 * 1024
# Chunks of one direction under way, so that a slow line holds its sender up instead of filling our memory.
UNDER_WAY = 64
CONNECT_S = 5.0
STEP_S = 0.05  # of a narrow line: as much at a time as it carries in that
CLOSED_BY_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


@dataclass(slots=True)
class Weather:
    """What the line does to all that passes."""

    latency_s: float = 0.0  # each way
    bytes_per_s: float = 0.0  # each way and connection; 0: as many as there are
    slice_bytes: int = 0  # pieces of at most so many bytes, each a packet of its own; 0: as they come


@dataclass(slots=True, eq=False)
class Connection:
    """A client's connection and the one that we made for it."""

    streams: list[asyncio.StreamWriter]
    is_deaf: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def reset(self) -> None:
        """End it with an RST on both sides."""
        for task in self.tasks:
            task.cancel()
        for stream in self.streams:
            reset(stream)


class Proxy:
    """Passes connections on to ``upstreams``, in turn, to the next one where one does not answer."""

    def __init__(self, upstreams: Sequence[Address], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.weather = Weather()
        self.host, self.port = host, port
        self._upstreams = upstreams
        self._turn = 0
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._passable = asyncio.Event()
        self._passable.set()

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def open(self) -> None:
        """Take connections; on the same port each time."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accepted, self.host, self.port, backlog=4096)
            self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Take no connections: whoever dials is refused. Those that there are go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        await self.shut()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def pause(self) -> None:
        """Let nothing pass, and lose nothing: senders are held up."""
        self._passable.clear()

    def resume(self) -> None:
        self._passable.set()

    def cut(self) -> int:
        """Reset all connections; how many they were."""
        lost, self._connections = self._connections, set()
        for connection in lost:
            connection.reset()
        return len(lost)

    def deafen(self) -> int:
        """Half-open: the connections that there are stay open and swallow all, even a close; how many they are.

        As when a modem forgets them: nobody is told. New ones are as good as ever.
        """
        for connection in self._connections:
            connection.is_deaf = True
        return len(self._connections)

    async def clear_up(self) -> None:
        """A good line again. What has gone deaf stays so until an end of it gives up."""
        self.weather = Weather()
        self.resume()
        await self.open()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._put_through(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _put_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await self._dial()
        except OSError:
            reset(writer)
            return
        for stream in (writer, upstream_writer):
            stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection([writer, upstream_writer])
        self._connections.add(connection)
        connection.tasks = [
            asyncio.create_task(self._carry(connection, reader, upstream_writer)),
            asyncio.create_task(self._carry(connection, upstream_reader, writer)),
        ]
        await asyncio.wait(connection.tasks)
        self._connections.discard(connection)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError when no upstream answers."""
        self._turn += 1
        for offset in range(len(self._upstreams)):
            host, port = self._upstreams[(self._turn + offset) % len(self._upstreams)]
            with contextlib.suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_S)
        raise ConnectionRefusedError(f"None of {self._upstreams} answers.")

    async def _carry(self, connection: Connection, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction, to its end; that ends the other one, as it came: a close for a close, a reset for a reset."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(UNDER_WAY)
        pouring = asyncio.create_task(self._pour(connection, under_way, sink))
        loop = asyncio.get_running_loop()
        try:
            while True:
                data = await source.read(CHUNK_BYTES)
                await under_way.put((loop.time() + self.weather.latency_s, data))
                if not data:
                    break
                if pouring.done():
                    break
            await pouring
        except OSError:
            if not connection.is_deaf:
                connection.reset()
        finally:
            pouring.cancel()

    async def _pour(
        self, connection: Connection, under_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_at, data = await under_way.get()
            if (wait_s := due_at - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            await self._passable.wait()
            if connection.is_deaf:
                if data:
                    continue
                await asyncio.Event().wait()  # its end gave up and the other one does not hear of it
            if not data:
                sink.close()
                return
            await self._write(sink, data)

    async def _write(self, sink: asyncio.StreamWriter, data: bytes) -> None:
        rate, size = self.weather.bytes_per_s, self.weather.slice_bytes or len(data)
        if rate:
            size = min(size, max(1, int(rate * STEP_S)))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            if rate or size < len(data):
                await asyncio.sleep(len(piece) / rate if rate else 0)
            sink.write(piece)
            await sink.drain()


def reset(stream: asyncio.StreamWriter) -> None:
    """End a connection with an RST, whatever waits to be written."""
    with contextlib.suppress(OSError):
        stream.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSED_BY_RESET)
    stream.transport.abort()


class Lines:
    """Proxies by name on a thread of their own, for as long as the block runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lines", daemon=True)
        self._proxies: dict[str, Proxy] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._proxies:
            self._do(name, Proxy.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._proxies)

    def add(self, name: str, *upstreams: Address) -> int:
        """Open a line; the port where it begins."""

        async def open_one() -> Proxy:
            proxy = Proxy(upstreams)
            await proxy.open()
            return proxy

        self._proxies[name] = asyncio.run_coroutine_threadsafe(open_one(), self._loop).result()
        return self._proxies[name].port

    def set_weather(self, name: str, weather: Weather) -> None:
        self.with_(name, lambda proxy: setattr(proxy, "weather", weather))

    def with_(self, name: str, act: Callable[[Proxy], Result]) -> Result:
        """Do something to a proxy, on its own thread."""

        async def acted() -> Result:
            return act(self._proxies[name])

        return asyncio.run_coroutine_threadsafe(acted(), self._loop).result()

    def clear_up(self, name: str) -> None:
        self._do(name, Proxy.clear_up)

    def shut(self, name: str) -> None:
        self._do(name, Proxy.shut)

    def _do(self, name: str, act: Callable[[Proxy], object]) -> None:
        async def acted() -> None:
            await act(self._proxies[name])  # type: ignore[misc]

        asyncio.run_coroutine_threadsafe(acted(), self._loop).result()
