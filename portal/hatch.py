"""Files through the hatch: what a charger fetches from us or leaves with us by a link. The link is the permission.

An ASGI application of its own, beside Django: a firmware may take an hour on a slow line, and must not keep one of the
few threads that answer people. GET knows ranges, for chargers resume; a PUT or POST is taken once, and only where a
log is expected.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

import structlog
from channels.db import database_sync_to_async
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils import timezone

from chargers import storage, uploads

PREFIX = "/files/"
CHUNK = 64 * 1024
TOLD_EVERY_S = 1.0
LONGEST_LENGTH = 16  # digits of a Content-Length that is meant
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
# A log comes for as long as its charger's line takes. The loop's own few threads would all wait for that, and nothing
# else of this process that needs one would go on: no firmware goes out, no broker is dialled again. More wait unread.
AT_ONCE = 32
_writers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hatch")

log = structlog.get_logger(__name__)


def expects(path: bytes) -> bool:
    """Whether somebody was given this path to leave a file there."""
    token = unquote(path.decode("ascii", "replace")).removeprefix(PREFIX).partition("/")[0]
    try:
        storage.opened(token, "put")
    except storage.BadLink:
        return False
    return True


class Hatch:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token, _, told_name = scope["path"].removeprefix(PREFIX).partition("/")
        answer = _Answer(send)
        try:
            match scope["method"]:
                case "GET" | "HEAD":
                    await _give(scope, token, told_name, answer)
                case "PUT" | "POST":
                    await _take(scope, receive, token, told_name, answer)
                case _:
                    await answer.say(405, "Here one may GET, HEAD, PUT or POST.", {"Allow": "GET, HEAD, PUT, POST"})
        except storage.BadLink as error:
            await answer.say(403, str(error))
        except storage.NoSuchFile:
            await answer.say(404, "There is no such file any more.")
        except storage.TooLarge as error:
            await answer.say(413, str(error))
        except (MultiPartParserError, ValueError) as error:
            await answer.say(400, f"This cannot be read: {error}")
        except OSError as error:
            log.info("hatch_closed", error=str(error))  # whoever read or wrote has gone


class _Answer:
    def __init__(self, send: Any) -> None:
        self.send = send

    async def start(self, status: int, headers: dict[str, str]) -> None:
        told = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers}
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})

    async def body(self, chunk: bytes = b"", *, more: bool = False) -> None:
        await self.send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def say(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        text = f"{sentence}\n".encode()
        plain = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(text))}
        await self.start(status, {**plain, **(headers or {})})
        await self.body(text)


# -- fetching --------------------------------------------------------------------------------------------------------


async def _give(scope: Any, token: str, told_name: str, answer: _Answer) -> None:
    name = storage.opened(token, "get")
    with await asyncio.to_thread(storage.storage().open, name) as file:
        size = await asyncio.to_thread(file.seek, 0, 2)
        etag = f'"{name.rpartition("/")[2]}"'  # a file is never altered
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(told_name or 'file', safe='')}",
            "Content-Type": "application/octet-stream",  # a charger's file is nothing that a browser should open
            "ETag": etag,
        }
        wanted = _wanted(scope, etag, size)
        if wanted is None:
            await answer.say(416, f"This file has {size} bytes.", {"Content-Range": f"bytes */{size}"})
            return
        first, last = wanted
        is_part = (first, last) != (0, size - 1)
        if is_part:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        headers["Content-Length"] = str(last - first + 1)
        await answer.start(206 if is_part else 200, headers)
        if scope["method"] == "GET":
            await _pour(file, first, last - first + 1, answer)
        await answer.body()


async def _pour(file: BinaryIO, first: int, left: int, answer: _Answer) -> None:
    await asyncio.to_thread(file.seek, first)
    while left > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK, left))):
        left -= len(chunk)
        await answer.body(chunk, more=True)  # waits for a slow reader


def _wanted(scope: Any, etag: str, size: int) -> tuple[int, int] | None:
    """First and last byte that are asked for; None for a range that the file has not.

    Several ranges, or one that we cannot read, get the whole file, as RFC 9110 §14.2 allows.
    """
    everything = (0, size - 1)
    found = _RANGE.match(_header(scope, b"range"))
    if found is None or _header(scope, b"if-range") not in ("", etag):
        return everything
    first, last = found[1], found[2]
    if not first:
        return (max(0, size - int(last)), size - 1) if last and int(last) else everything
    if int(first) >= size or (last and int(last) < int(first)):
        return None
    return int(first), min(int(last), size - 1) if last else size - 1


def _header(scope: Any, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


# -- leaving ---------------------------------------------------------------------------------------------------------


async def _take(scope: Any, receive: Any, token: str, told_name: str, answer: _Answer) -> None:
    name = storage.opened(token, "put")
    in_thread = database_sync_to_async(_keep, thread_sensitive=False, executor=_writers)
    loop = asyncio.get_running_loop()

    def next_message() -> Any:
        return asyncio.run_coroutine_threadsafe(receive(), loop).result()

    size = await in_thread(name, told_name, scope, next_message)
    await answer.say(201, f"Received, {size} bytes.")


def _keep(name: str, told_name: str, scope: Any, next_message: Callable[[], Any]) -> int:
    is_form = _header(scope, b"content-type").startswith("multipart/form-data")
    length = _header(scope, b"content-length")
    announced = int(length) if length.isdecimal() and not is_form and len(length) < LONGEST_LENGTH else None
    uploads.begin(name, announced_bytes=announced, at=timezone.now())
    head = bytearray()
    try:
        chunks = _told(name, storage.bounded(_body(next_message)))
        if is_form:
            told_name, chunks = _first_part(scope, chunks)
        size = storage.storage().keep(name, _seen(chunks, head))
    except BaseException as error:
        uploads.break_off(name, f"The last try broke off: {error}")
        raise
    uploads.receive(name, size_bytes=size, head=bytes(head), told_name=_last_part(told_name), at=timezone.now())
    return size


def _last_part(told_name: str) -> str:
    """What a charger hung behind our link is what it calls its file; what we hung there ourselves is no name."""
    return told_name.rpartition("/")[2] if "/" in told_name or "." in told_name else ""


def _body(next_message: Callable[[], Any]) -> Iterator[bytes]:
    while True:
        message = next_message()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the connection was lost")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _told(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """People may watch: once in `TOLD_EVERY_S` they are told how much has come."""
    done, told_at = 0, time.monotonic()
    for chunk in chunks:
        done += len(chunk)
        if time.monotonic() - told_at >= TOLD_EVERY_S:
            uploads.progress(name, done_bytes=done)
            told_at = time.monotonic()
        yield chunk


def _seen(chunks: Iterator[bytes], head: bytearray) -> Iterator[bytes]:
    for chunk in chunks:
        if len(head) < uploads.HEAD_BYTES:
            head += chunk[: uploads.HEAD_BYTES - len(head)]
        yield chunk


def _first_part(scope: Any, chunks: Iterator[bytes]) -> tuple[str, Iterator[bytes]]:
    """The file of a form, for chargers that post one as a browser does."""
    meta = {
        "CONTENT_TYPE": _header(scope, b"content-type"),
        "CONTENT_LENGTH": _header(scope, b"content-length") or str(2**40),
    }
    _, files = MultiPartParser(meta, _Readable(chunks), [TemporaryFileUploadHandler()]).parse()  # type: ignore[arg-type]
    first: Any = next(iter(files.values()), None)
    if first is None:
        raise MultiPartParserError("There is no file in the form.")
    return str(first.name or ""), iter(lambda: first.read(CHUNK), b"")


class _Readable:
    """Chunks as the file that Django's parser reads."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        with contextlib.suppress(StopIteration):
            while len(self._rest) < size:
                self._rest += next(self._chunks)
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
