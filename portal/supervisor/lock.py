"""One supervisor for one state folder. The kernel frees the lock however its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


class Locked(Exception):
    """Another supervisor has the folder; the text says who, since when, and the way out."""


@contextlib.contextmanager
def held(path: Path, *, address: str) -> Iterator[None]:
    """Hold ``path`` and leave a note in it for who comes second. Raises Locked."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(_who(path)) from None
        note = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds"), "address": address}
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(note).encode())
        yield
    finally:
        os.close(handle)


def _who(path: Path) -> str:
    way_out = (
        "Use that one, stop it with Ctrl-C (or `kill`), or give this one a state folder and a port of its own:\n"
        "    CHARGEYARD_HOME=/some/folder python3 manage.py up --port N"
    )
    try:
        note = json.loads(path.read_text())
        since = datetime.fromisoformat(note["since"]).astimezone()
        holder = f"process {note['pid']} since {since:%H:%M:%S on %d %B}, serving {note['address']}"
    except (ValueError, KeyError, TypeError):
        holder = "a process that has only just begun"
    return f"Chargeyard already runs on {path.parent}: {holder}.\n{way_out}"
