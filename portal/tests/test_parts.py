"""The real servers that other tests lean on: they answer while the block runs and are gone after it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from portal.supervisor import ports
from portal.tests import parts
from portal.tests.journeys.stack import until


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


HOLD = """
import sys
from portal.bench import servers
with getattr(servers, sys.argv[1])() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("server", ["redis_server", "mosquitto"])
def test_a_server_ends_with_a_test_run_that_is_killed(server):
    """Mosquitto changes its user where root starts it, and with that the kernel forgets whom it was to die with."""
    with getattr(parts, server)():
        pass  # or the test is skipped
    with tempfile.TemporaryDirectory(prefix="chargeyard-killed-") as folder:
        Path(folder).chmod(0o711)  # the server, as another user, passes through
        command, environ = [sys.executable, "-c", HOLD, server], os.environ | {"TMPDIR": folder}
        with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout
            url = run.stdout.readline().strip()
            run.kill()
        until(lambda: not ports.accepts(ports.LOOPBACK, urlsplit(url).port or 0))


def assert_gone(url: str) -> None:
    assert not ports.accepts(ports.LOOPBACK, urlsplit(url).port or 0)
