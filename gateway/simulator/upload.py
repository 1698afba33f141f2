"""Sends a charger's log where the CSMS asked for it: a real HTTP PUT, or POST where PUT is not allowed.

Spoken by hand over a stream: one request needs no client library, and a fleet that stops need not wait for it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import SplitResult, quote, urlsplit

TIMEOUT_S = 20.0
TRY_POST = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


async def upload(url: str, file_name: str, body: bytes) -> bool:
    """Put `body` at `url`, which is the file's place, or a folder if it ends in a slash. False if nobody took it."""
    target = urlsplit(url + quote(file_name) if url.endswith("/") else url)
    if target.scheme not in ("http", "https") or target.hostname is None:
        return False
    try:
        async with asyncio.timeout(TIMEOUT_S):
            status = await _send("PUT", target, body)
            if status in TRY_POST:
                status = await _send("POST", target, body)
    except (OSError, TimeoutError, ValueError, IndexError):
        # Nobody there, or what is there does not speak HTTP.
        return False
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


async def _send(method: str, target: SplitResult, body: bytes) -> int:
    """One request; returns the status of the answer."""
    is_tls = target.scheme == "https"
    reader, writer = await asyncio.open_connection(target.hostname, target.port or (443 if is_tls else 80), ssl=is_tls)
    place = (target.path or "/") + (f"?{target.query}" if target.query else "")
    head = (
        f"{method} {place} HTTP/1.1\r\nHost: {target.netloc.rpartition('@')[2]}\r\nConnection: close\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
