"""Builds a yard whose parts can be broken (`portal.chaos.site`), all of it in one folder.

Two gateways behind one door, as many workers as the broker lets share (embedded parts: one), beat, and the servers that
they need.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from portal.bench import servers
from portal.bench.yard import YardFailed, own_environment
from portal.chaos import disk
from portal.chaos.proxy import Lines
from portal.chaos.site import ROOT, Site
from portal.supervisor import parts, ports
from portal.supervisor.checkpoint import Checkpointer
from portal.supervisor.children import Program

LOOPBACK = ports.LOOPBACK
GATEWAYS = ("gateway-1", "gateway-2")
# Quicker than by default, so that a run need not wait half a minute to see how an order or a dead socket ends.
HASTE = {"COMMAND_TIMEOUT_S": "10", "PING_INTERVAL_S": "10", "PING_TIMEOUT_S": "10"}


@contextlib.contextmanager
def running(
    kind: str,
    chargers: int,
    password: str,
    *,
    disk_mib: int = 0,
    env: Mapping[str, str] | None = None,
    tables: Path | None = None,
) -> Iterator[Site]:
    """Bring a site up with ``chargers`` registered; ``kind``: "embedded" or "production".

    ``disk_mib``: the database gets a disk of its own that can be filled (`disk.why_not` tells whether that goes).
    ``env``: what gateways, workers and beat find in their environment besides. ``tables``: a migrated SQLite database
    to start from, for embedded parts.
    Raises PartMissing, YardFailed or StartFailed.
    """
    with contextlib.ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="chargeyard-chaos-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o711)  # PostgreSQL, as another user, passes through
        for name in ("yard", "disk", "broker", "redis", "logs", "history"):
            (home / name).mkdir()
        site_disk = stack.enter_context(disk.mounted(home / "disk", mib=disk_mib)) if disk_mib else None
        lines = stack.enter_context(Lines())
        own = own_environment(home / "yard") | HASTE | {"PYTHONUNBUFFERED": "1"}
        site = Site(kind, home, lines, own, disk=site_disk)
        stack.callback(site.stop)
        if tables is not None:
            shutil.copyfile(tables, site.database)
        _start_servers(site)
        _enrol(site, chargers, password)
        if site.is_embedded:
            checkpointer = Checkpointer(site.database, complain=lambda _text: None)
            checkpointer.start()
            stack.callback(checkpointer.stop)
        _start_own_processes(site, env or {})
        yield site


def _start_servers(site: Site) -> None:
    """Redis, broker and database, and where to find them without a line."""
    redis, broker, database = ports.free(), ports.free(), ports.free()
    site.env |= {"REDIS_URL": f"redis://{LOOPBACK}:{redis}/0", "MQTT_URL": f"mqtt://{LOOPBACK}:{broker}"}
    if site.is_embedded:
        programs = parts.valkey(site.home / "redis", redis), parts.nats(site.home / "broker", broker)
        site.env |= {"MQTT_SHARED_SUBSCRIPTIONS": "false", "DATABASE_URL": f"sqlite:///{site.database}"}
    else:
        programs = (
            servers.redis_program(site.home / "redis", redis),
            servers.mosquitto_program(site.home / "broker", broker),
        )
        url = site.env["DATABASE_URL"] = servers.postgres_url(database)
        program = servers.new_postgres(site.home / "disk", database, max_wal_size="256MB")
        site.add("database", program, lambda: servers.postgres_missing(url), cwd=site.home / "disk")
    site.add("redis", programs[0], lambda: parts.valkey_missing(redis))
    site.add("broker", programs[1], lambda: parts.nats_missing(broker))
    site.wait_ready(*site.parts)


def _enrol(site: Site, chargers: int, password: str) -> None:
    command = [sys.executable, "-m", "portal.chaos.enrol", str(chargers)]
    done = subprocess.run(command, input=password, text=True, env=site.env, cwd=ROOT, check=False, capture_output=True)
    if done.returncode != 0:
        raise YardFailed(f"The tables or chargers could not be made:\n{done.stderr[-2000:]}")
    (site.home / "api-key").write_text(done.stdout.strip())


def _start_own_processes(site: Site, more: Mapping[str, str]) -> None:
    port_of = {name: int(site.env[name].rpartition(":")[2].partition("/")[0]) for name in ("REDIS_URL", "MQTT_URL")}
    redis = site.lines.add("redis", (LOOPBACK, port_of["REDIS_URL"]))

    def surroundings(who: str) -> dict[str, str]:
        """What a kind of process is told of the others: where its own lines to them begin."""
        broker = site.lines.add(f"{who}-broker", (LOOPBACK, port_of["MQTT_URL"]))
        env = {**site.env, **more, "REDIS_URL": f"redis://{LOOPBACK}:{redis}/0"}
        env["MQTT_URL"] = f"mqtt://{LOOPBACK}:{broker}"
        if not site.is_embedded:
            behind = int(site.env["DATABASE_URL"].rpartition(":")[2].partition("/")[0])
            database = site.lines.add(f"{who}-database", (LOOPBACK, behind))
            env["DATABASE_URL"] = servers.postgres_url(database)
        return env

    to_worker, to_gateway = surroundings("worker"), surroundings("gateway")
    site.add("beat", _celery("beat", to_worker, "--schedule", str(site.home / "yard" / "beat-schedule")), lambda: "")
    for number in (1,) if site.is_embedded else (1, 2):
        # The hostname is the MQTT client id: the same each time, and nobody else's.
        options = ("--concurrency", "2", "--hostname", f"worker{number}@%h", "--without-gossip", "--without-mingle")
        site.add(f"worker-{number}", _celery("worker", to_worker, *options), lambda: "")
    for name in GATEWAYS:
        port = site.gateway_ports[name] = ports.free()
        command = (sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(port))
        site.add(name, Program(name, command, env=to_gateway), partial(_missing, port))
    site.port = site.lines.add("charger-gateway", *((LOOPBACK, port) for port in site.gateway_ports.values()))
    site.wait_ready(*GATEWAYS)


def _celery(what: str, env: dict[str, str], *words: str) -> Program:
    command = (sys.executable, "-m", "celery", "-A", "portal.celery", what, *words, "--loglevel", "INFO")
    return Program(what, command, env=env, grace_s=20)


def _missing(port: int) -> str:
    """What a gateway says instead of 200 when it is asked whether it is ready: of it, of the broker, of a worker."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return "" if answer.status == http.client.OK else answer.read().decode(errors="replace")[:300]
    except (OSError, http.client.HTTPException) as error:
        return f"it does not answer ({error})"
    finally:
        connection.close()
