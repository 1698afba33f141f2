"""Real servers for tests, see `portal.bench.servers`: a test is skipped where the program of its server is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest

from portal.bench import servers
from portal.bench.servers import mosquitto_config
from portal.supervisor.parts import PartMissing

Server = Callable[..., AbstractContextManager[str]]


def _or_skip(server: Server) -> Server:
    @contextlib.contextmanager
    def running(*arguments: str) -> Iterator[str]:
        with contextlib.ExitStack() as stack:
            try:
                url = stack.enter_context(server(*arguments))
            except PartMissing as missing:
                pytest.skip(str(missing))
            yield url

    return running


valkey = _or_skip(servers.valkey)
nats = _or_skip(servers.nats)
redis_server = _or_skip(servers.redis_server)
mosquitto = _or_skip(servers.mosquitto)
postgres = _or_skip(partial(servers.postgres, fsync=False))

__all__ = ["mosquitto", "mosquitto_config", "nats", "postgres", "redis_server", "valkey"]
