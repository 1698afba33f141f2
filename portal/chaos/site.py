"""A yard whose parts can be broken one by one: each process under our hand, a line with a proxy between each pair.

Two gateways behind one door, as many workers as the broker lets share (embedded parts: one), beat, and the servers that
they need, all of our own in one folder. Whatever ends is started again at once, unless it is held down. All methods
belong to the main thread.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from portal.bench import processes, servers
from portal.bench.yard import YardFailed, own_environment
from portal.chaos import disk
from portal.chaos.proxy import Lines
from portal.supervisor import parts, ports
from portal.supervisor.checkpoint import Checkpointer
from portal.supervisor.children import Child, Program

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ports.LOOPBACK
GATEWAYS = ("gateway-1", "gateway-2")
TICK_S = 0.05
READY_S = 90.0
# A part that does not start, say a database whose old processes are still there, is tried again after so long.
AGAIN_S = 0.5
# Quicker than by default, so that a run need not wait half a minute to see how an order or a dead socket ends.
HASTE = {"COMMAND_TIMEOUT_S": "10", "PING_INTERVAL_S": "10", "PING_TIMEOUT_S": "10"}


@dataclass(slots=True)
class Part:
    """``missing``: what keeps it from serving, "" when it does; ``is_wanted``: it is to run."""

    name: str
    child: Child
    missing: Callable[[], str]
    is_wanted: bool = True
    ended_at: float = 0.0

    def serves(self) -> bool:
        return self.child.is_running() and not self.missing()

    def tend(self) -> None:
        if self.child.is_running() or not self.is_wanted:
            return
        now = time.monotonic()
        self.ended_at = self.ended_at or now
        if now - self.ended_at >= AGAIN_S:
            self.ended_at = 0.0
            self.child.start()


@dataclass(slots=True)
class Site:
    """A running yard. ``env``: of its own processes, without the lines; ``port``: the door for chargers."""

    kind: str
    home: Path
    lines: Lines
    env: dict[str, str]
    port: int = 0
    disk: disk.Disk | None = None  # the database's own small one, where there is one
    parts: dict[str, Part] = field(default_factory=dict)
    gateway_ports: dict[str, int] = field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        return self.kind == "embedded"

    @property
    def workers(self) -> list[str]:
        return [name for name in self.parts if name.startswith("worker")]

    @property
    def database(self) -> Path:
        """The SQLite file of embedded parts."""
        return self.home / "disk" / "chargeyard.sqlite3"

    # -- time --------------------------------------------------------------------------------------------------------

    def tend(self) -> None:
        for part in self.parts.values():
            part.tend()

    def wait(self, seconds: float) -> None:
        """Let time pass; whatever ends meanwhile is started again."""
        self.wait_until(lambda: False, seconds)

    def wait_until(self, look: Callable[[], object], within_s: float) -> bool:
        """Whether ``look`` became true in that time."""
        end = time.monotonic() + within_s
        while not look():
            if time.monotonic() >= end:
                return False
            self.tend()
            time.sleep(TICK_S)
        return True

    def wait_ready(self, *names: str, within_s: float = READY_S) -> None:
        """Raises YardFailed with the end of the log of a part that does not come up."""
        for name in names:
            part = self.parts[name]
            if not self.wait_until(part.serves, within_s):
                log = part.child.log_path.read_text(errors="replace")[-3000:] if part.child.log_path.exists() else ""
                raise YardFailed(f"{name} did not come up within {within_s:.0f} s: {part.missing()}\n{log}")

    # -- what can be done to a part ----------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """SIGKILL; it is started again at once."""
        self._signal(name, signal.SIGKILL)
        self.parts[name].child.kill()

    def kill_child(self, name: str) -> None:
        """SIGKILL one of the processes that a part has started."""
        offspring = processes.children(self.parts[name].child.pid or 0)
        if offspring:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(offspring), signal.SIGKILL)  # noqa: S311

    def hold_down(self, name: str) -> None:
        """SIGKILL, with its whole offspring, and stay away until `release`."""
        part = self.parts[name]
        part.is_wanted = False
        offspring = processes.descendants(part.child.pid or 0)
        self.kill(name)
        for process in offspring:  # PostgreSQL's are in sessions of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def release(self, name: str) -> None:
        part = self.parts[name]
        part.is_wanted, part.ended_at = True, 0.0
        part.child.start()

    def freeze(self, name: str) -> None:
        """SIGSTOP, with its offspring: it is there and does nothing."""
        self._signal(name, signal.SIGSTOP, with_offspring=True)

    def thaw(self, name: str) -> None:
        self._signal(name, signal.SIGCONT, with_offspring=True)

    def restart(self, name: str) -> None:
        """Ask it to stop, wait for its end, start it again."""
        part = self.parts[name]
        part.is_wanted = False
        part.child.ask_to_stop()
        if not self.wait_until(lambda: not part.child.is_running(), part.child.program.grace_s + 10):
            part.child.kill()
        self.release(name)

    def _signal(self, name: str, number: signal.Signals, *, with_offspring: bool = False) -> None:
        pid = self.parts[name].child.pid or 0
        family = [process.pid for process in processes.descendants(pid)] if with_offspring else []
        for each in (pid, *family):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)

    # -- building ----------------------------------------------------------------------------------------------------

    def add(self, name: str, program: Program, missing: Callable[[], str], *, cwd: Path = ROOT) -> None:
        named = Program(name, program.command, program.env, program.grace_s, program.user)
        part = self.parts[name] = Part(name, _child(named, self.home, cwd=cwd), missing)
        part.child.start()

    def stop(self) -> None:
        """The last started first."""
        for part in reversed(self.parts.values()):
            part.is_wanted = False
            with contextlib.suppress(ProcessLookupError):
                self.thaw(part.name)
            # SIGINT ends PostgreSQL at once, SIGTERM would wait for its clients.
            self._signal(part.name, signal.SIGINT if part.name == "database" else signal.SIGTERM)
            end = time.monotonic() + part.child.program.grace_s
            while part.child.is_running() and time.monotonic() < end:
                time.sleep(TICK_S)
            part.child.kill()


def _child(program: Program, home: Path, *, cwd: Path = ROOT) -> Child:
    log = home / "logs" / f"{program.name}.log"
    return Child(program, log_path=log, cwd=cwd, show=lambda _name, _text: None)


@contextlib.contextmanager
def running(
    kind: str,
    chargers: int,
    password: str,
    *,
    small_disk: bool = False,
    env: Mapping[str, str] | None = None,
    tables: Path | None = None,
) -> Iterator[Site]:
    """Bring a site up with ``chargers`` registered; ``kind``: "embedded" or "production".

    ``small_disk``: the database gets a disk of its own that can be filled (`disk.why_not` tells whether that goes).
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
        site_disk = stack.enter_context(disk.mounted(home / "disk")) if small_disk else None
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
