"""A WebSocket's client end, as much of it as a load generator needs: handshake, text, ping, close. Pure, and lean.

Test equipment: it expects a server that keeps RFC 6455, sends no fragments and agrees to no extension. What breaks that
raises ValueError. A charger's end proper is `gateway.simulator.link`.
"""

from __future__ import annotations

import base64
import os
import re

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
FIN, MASKED = 0x80, 0x80
LARGEST_SHORT, LARGEST_MEDIUM = 125, 0xFFFF
END_OF_HEAD = b"\r\n\r\n"
RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)


def handshake(authority: str, path: str, *, user: str, password: str, subprotocol: str) -> bytes:
    """The request that opens a socket, with Basic authentication."""
    key = base64.b64encode(os.urandom(16)).decode()
    proof = base64.b64encode(f"{user}:{password}".encode()).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {authority}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {subprotocol}",
        f"Authorization: Basic {proof}",
    )
    return "\r\n".join(lines).encode() + END_OF_HEAD


def status(head: bytes) -> tuple[int, float]:
    """Status and Retry-After (seconds, 0 if there is none) of an answer to `handshake`."""
    first = head.split(b" ", 2)
    if len(first) < 2 or not first[1].isdigit():
        raise ValueError(f"The server answered {head[:60]!r}, which is no HTTP.")
    after = RETRY_AFTER.search(head)
    return int(first[1]), float(after[1]) if after else 0.0


def encode(kind: int, payload: bytes, mask: bytes) -> bytes:
    """One frame of the client: whole, and masked with four bytes."""
    size = len(payload)
    if size <= LARGEST_SHORT:
        head = bytes((FIN | kind, MASKED | size))
    elif size <= LARGEST_MEDIUM:
        head = bytes((FIN | kind, MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FIN | kind, MASKED | 127)) + size.to_bytes(8, "big")
    # As two long numbers: thirty times quicker than byte by byte.
    pattern = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")


class Decoder:
    """Bytes of the server, however they were cut, into frames."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that are complete now, as (kind, payload)."""
        data = self._left + data if self._left else data
        found, at = [], 0
        while (place := _place(data, at)) is not None:
            start, end = place
            if not data[at] & FIN or data[at + 1] & MASKED:
                raise ValueError("The server sent a fragment or a masked frame.")
            found.append((data[at] & 0x0F, data[start:end]))
            at = end
        self._left = data[at:]
        return found


def _place(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at ``at`` begins and ends; None while it is not all there."""
    if len(data) < at + 2:
        return None
    size = data[at + 1] & 0x7F
    start = at + 2
    if size > LARGEST_SHORT:
        width = 2 if size == 126 else 8
        if len(data) < start + width:
            return None
        size = int.from_bytes(data[start : start + width], "big")
        start += width
    return (start, start + size) if len(data) >= start + size else None
