"""An ASGI application behind our server, for `test_server`: its path says what it does. Run as a program.

Knows no Django. Prints the port once it listens, and one line for each connection's end.
"""

# ruff: noqa: T201 - its output is what the test reads

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

from gateway import web
from gateway.server import Server


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await page(scope, receive, send)
    else:
        await receive()
        await SOCKETS.get(scope["path"], echo)(receive, send)


async def page(scope: Any, receive: Any, send: Any) -> None:
    """Says below which path it thinks it is, and how much was sent to it in how many pieces."""
    size, pieces, has_more = 0, 0, True
    while has_more:
        event = await receive()
        size, pieces, has_more = size + len(event.get("body", b"")), pieces + 1, event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    text = f"a page below {scope['root_path'] or '/'} for {size} bytes in {pieces} pieces"
    await send({"type": "http.response.body", "body": text.encode()})


async def lifespan(receive: Any, send: Any) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        print(phase, flush=True)
        await send({"type": f"lifespan.{phase}.complete"})


async def echo(receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})
    print("left", event["code"], event["reason"], flush=True)


async def refuse(receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"retry-after", b"7")]
    await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"too ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"many"})


async def close_1012(receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    await send({"type": "websocket.close", "code": 1012, "reason": "ü" * 100})
    print("left", (await receive())["code"], flush=True)


async def break_early(receive: Any, send: Any) -> None:
    raise RuntimeError("broken before the handshake")


async def break_late(receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    raise RuntimeError("broken after the handshake")


async def hold(receive: Any, send: Any) -> None:
    """Reads nothing until told "go" by the first frame, then counts what comes until "end"."""
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    await send({"type": "chargeyard.hold", "is_held": True})
    await send({"type": "websocket.send", "text": "held"})
    event = await receive()
    print("read", len(event.get("text", "")), flush=True)


async def late(receive: Any, send: Any) -> None:
    """Takes its time with the handshake, then counts what comes until "end"."""
    await asyncio.sleep(1.5)
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    texts = []
    while (event := await receive()).get("text") != "end":
        texts.append(event["text"])
    print("heard", len(texts), sum(map(len, texts)), flush=True)


async def choke(receive: Any, send: Any) -> None:
    """Has enough after the first message, tells how many came all the same, then takes and counts the rest."""
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    texts = [(await receive())["text"]]
    await send({"type": "chargeyard.hold", "is_held": True})
    with contextlib.suppress(TimeoutError):
        while True:
            texts.append((await asyncio.wait_for(receive(), 0.5))["text"])
    print("came", len(texts), flush=True)
    await send({"type": "chargeyard.hold", "is_held": False})
    while texts[-1] != "end":
        texts.append((await receive())["text"])
    print("in order", texts[:-1] == [str(n) for n in range(len(texts) - 1)], len(texts), flush=True)


async def flood(receive: Any, send: Any) -> None:
    """Sends to a peer that may not read."""
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    for _ in range(2000):
        await send({"type": "websocket.send", "text": "x" * 10_000})
    event = await receive()
    print("left", event["code"], event["reason"], flush=True)


async def probe(receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
    await send({"type": "chargeyard.probe", "timeout_s": 0.3})
    event = await receive()
    print("left", event.get("code"), event.get("reason"), flush=True)


SOCKETS = {
    "/refuse": refuse,
    "/close": close_1012,
    "/break-early": break_early,
    "/break-late": break_late,
    "/hold": hold,
    "/late": late,
    "/choke": choke,
    "/flood": flood,
    "/probe": probe,
}


if __name__ == "__main__":
    web.HEAD_S = 6
    Server(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        frame_limit_bytes=100_000,
        body_limit_bytes=1_000_000,
        ping_interval_s=1,
        ping_timeout_s=1,
        deflate=True,
        when_listening=lambda port: print("listening", port, flush=True),
        expects=lambda path: path == b"/expected",
    ).run()
