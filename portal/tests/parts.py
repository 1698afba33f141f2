"""Real servers for tests, see `portal.bench.servers`: a test is skipped where the program of its server is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from portal.bench import servers
from portal.bench.servers import mosquitto_config
from portal.supervisor.parts import PartMissing
from portal.tests import made_once

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
postgres = _or_skip(lambda: servers.postgres(fsync=False, data=made_once.postgres_data()))
migrated_postgres = _or_skip(
    lambda: servers.postgres(fsync=False, database="chargeyard", data=made_once.postgres_data())
)

__all__ = ["migrated_postgres", "mosquitto", "mosquitto_config", "nats", "postgres", "redis_server", "valkey"]
