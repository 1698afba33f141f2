"""TCP ports: which is free, and which the embedded parts had last time."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"


def is_free(host: str, port: int) -> bool:
    """Whether we could listen on ``host:port``. Raises OSError for an address that is not this machine's."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def next_free(host: str, port: int) -> int:
    """The first free port above ``port``."""
    return next(candidate for candidate in range(port + 1, 65536) if is_free(host, candidate))


def free() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(host: str, port: int) -> bool:
    """Whether somebody listens on ``host:port``."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def remembered(path: Path, *names: str) -> dict[str, int]:
    """A free loopback port for each name: last time's where it still is, noted in ``path`` for next time."""
    try:
        before = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        before = {}
    ports = {}
    for name in names:
        last_time = before.get(name, 0)
        ports[name] = last_time if last_time and is_free(LOOPBACK, last_time) else free()
    path.write_text(json.dumps(before | ports))
    return ports
