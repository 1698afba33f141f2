"""Fetches a firmware where the CSMS said that it lies: a real HTTP GET, resumed where the line broke.

Spoken by hand over a stream, as `gateway.simulator.upload` is.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

TIMEOUT_S = 120.0
TRIES = 5
CHUNK = 64 * 1024


async def download(url: str, *, break_after_bytes: int = 0) -> int | None:
    """How many bytes the file at ``url`` has; None if it could not be fetched whole. They are counted, not kept.

    ``break_after_bytes``: hang up once after so many, as a bad line does.
    """
    target = urlsplit(url)
    if target.scheme not in ("http", "https") or target.hostname is None:
        return None
    have, whole = 0, None
    for _ in range(TRIES):
        try:
            async with asyncio.timeout(TIMEOUT_S):
                have, whole = await _go_on(target, have, break_after_bytes)
        except (OSError, TimeoutError, ValueError, IndexError):
            return None
        if whole is None or have == whole:
            return whole
        break_after_bytes = 0
    return None


async def _go_on(target: SplitResult, have: int, break_after_bytes: int) -> tuple[int, int | None]:
    """Fetch from byte ``have`` on; how many are here then, and how many there are (None: refused)."""
    is_tls = target.scheme == "https"
    reader, writer = await asyncio.open_connection(target.hostname, target.port or (443 if is_tls else 80), ssl=is_tls)
    place = (target.path or "/") + (f"?{target.query}" if target.query else "")
    ranged = f"Range: bytes={have}-\r\n" if have else ""
    head = (
        f"GET {place} HTTP/1.1\r\nHost: {target.netloc.rpartition('@')[2]}\r\nConnection: close\r\n"
        f"User-Agent: simulated charger\r\n{ranged}\r\n"
    )
    try:
        writer.write(head.encode())
        status = int((await reader.readline()).split()[1])
        length = 0
        while line := (await reader.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            return have, None
        have = have if status == HTTPStatus.PARTIAL_CONTENT else 0
        whole = have + length
        while have < whole and (chunk := await reader.read(CHUNK)):
            have += len(chunk)
            if break_after_bytes and have >= break_after_bytes:
                break
        return have, whole
    finally:
        writer.close()
