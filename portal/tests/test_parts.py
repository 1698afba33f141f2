"""The real servers that other tests lean on: they answer while the block runs and are gone after it."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from portal.supervisor import ports
from portal.tests import parts


@pytest.mark.parametrize("server", [parts.valkey, parts.redis_server])
def test_a_redis_serves_while_the_test_runs(server):
    with server() as url, redis.Redis.from_url(url) as client:
        client.set("plug", "in")
        assert client.get("plug") == b"in"
    assert_gone(url)


@pytest.mark.parametrize("server", [parts.nats, parts.mosquitto])
def test_a_broker_takes_connections_while_the_test_runs(server):
    with server() as url:
        assert ports.accepts(ports.LOOPBACK, urlsplit(url).port or 0)
    assert_gone(url)


def test_a_postgres_serves_while_the_test_runs():
    with parts.postgres() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 40 + 2").fetchone() == (42,)
    assert_gone(url)


def assert_gone(url: str) -> None:
    assert not ports.accepts(ports.LOOPBACK, urlsplit(url).port or 0)
