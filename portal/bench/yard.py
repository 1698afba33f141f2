"""A yard of its own for a measurement: `up` in a temporary folder, on embedded parts or on production's.
Yours is not touched, whatever your environment names."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from portal.bench import plain, processes, servers
from portal.supervisor import ports
from portal.supervisor.children import die_with_parent
from portal.supervisor.home import Home

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("embedded", "production")
START_S = 120.0
RESTART_S = 1.0
# What would lead to a yard that is in use.
TAKEN_OUT = ("DATABASE_URL", "REDIS_URL", "MQTT_URL", "MQTT_PREFIX", "MQTT_SHARED_SUBSCRIPTIONS", "ROLE", "TLS_PORT")


class YardFailed(RuntimeError):
    """It did not come up; the text is the end of its output."""


@dataclass(slots=True)
class Yard:
    """A running yard. ``port``: of its portal. ``password``: of all its chargers.

    ``gateways``: processes that serve chargers alone, by port; without any the portal's process serves them as well.
    """

    home: Path
    env: dict[str, str]
    port: int
    process: subprocess.Popen[bytes]
    password: str = field(default_factory=lambda: secrets.token_urlsafe(15))
    gateways: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def doors(self) -> list[int]:
        """The ports that chargers may dial."""
        return list(self.gateways) or [self.port]

    @property
    def figures(self) -> tuple[list[str], str]:
        """URLs of what the gateways and the worker tell Prometheus."""
        return [
            f"http://127.0.0.1:{port}/metrics" for port in self.doors
        ], f"http://{self.env['WORKER_METRICS']}/metrics"

    def enrol(self, chargers: int, *, sessions: int = 0, first: int = 0) -> None:
        """Register the chargers ``first`` … ``chargers`` - 1 and tokens, and enter sessions of the past."""
        command = [sys.executable, "-m", "portal.bench.enrol", str(chargers), str(sessions), str(first)]
        subprocess.run(command, input=self.password, text=True, env=self.env, cwd=ROOT, check=True)

    def age(self, meter_values: int) -> None:
        """Give its chargers a year of sessions and as many meter values, see `portal.bench.history`. PostgreSQL."""
        command = [sys.executable, "-m", "portal.bench.history", str(meter_values)]
        subprocess.run(command, env=self.env, cwd=ROOT, check=True)

    def take_statistics(self) -> None:
        """What PostgreSQL does by itself within a minute: a phase of seconds is to be planned as one of hours is."""
        if url := self.env.get("DATABASE_URL"):
            with psycopg.connect(url, autocommit=True) as database:
                database.execute("ANALYZE")

    def told(self, *words: str) -> str:
        """What a management command against this yard prints."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, env=self.env, cwd=ROOT, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def kill(self, part: str) -> None:
        """SIGKILL one of `processes.MARKS`; the supervisor starts it again."""
        pid = processes.pid_of(part, self.process.pid)
        if pid is None:
            raise YardFailed(f"There is no {part} to kill.")
        os.kill(pid, signal.SIGKILL)

    def kill_gateways(self) -> None:
        """SIGKILL what serves chargers; a second later it is started again, as the supervisor does."""
        if not self.gateways:
            self.kill("serve")
            return
        for process in self.gateways.values():
            process.kill()
            process.wait()
        time.sleep(RESTART_S)
        for port in self.gateways:
            self.start_gateway(port)

    def start_gateway(self, port: int) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        environment = self._told() | {"ROLE": "gateway"}
        self.gateways[port] = _started(command, environment, self.home / f"gateway-{port}.log")

    def stop_gateways(self) -> None:
        for process in self.gateways.values():
            process.send_signal(signal.SIGTERM)
        for process in self.gateways.values():
            _stop(process, signal.SIGTERM)

    def wait_for_gateways(self) -> None:
        """Raises YardFailed."""
        for port, process in self.gateways.items():
            _wait_until_up(f"http://127.0.0.1:{port}/readyz", process, self.home)

    def _told(self) -> dict[str, str]:
        """The environment with where the embedded parts are."""
        lines = Home(self.home).embedded_env.read_text().splitlines()
        return self.env | dict(line.split("=", 1) for line in lines)

    @contextlib.contextmanager
    def plain_variant(self) -> Iterator[int]:
        """A gateway, a bridge and a worker with one Celery task per frame, in this yard; yields the gateway's port."""
        port = ports.free()
        env = self._told() | {"MQTT_PREFIX": plain.PREFIX}
        worker = ["celery", "-A", "portal.bench.plain", "worker", "-Q", plain.QUEUE, "--concurrency", "2"]
        commands = (
            ["-m", *worker, "--hostname", "plain@%h", "--without-gossip", "--without-mingle", "--loglevel", "INFO"],
            ["-m", "portal.bench.plain"],
            ["manage.py", "serve", "--role", "gateway", "--port", str(port)],
        )
        with contextlib.ExitStack() as stack:
            for command in commands:
                process = _started([sys.executable, *command], env, self.home / f"plain-{command[-1]}.log")
                stack.callback(_stop, process, signal.SIGTERM)
            _wait_until_up(f"http://127.0.0.1:{port}/livez", process, self.home)
            time.sleep(3)  # the bridge and the worker, which have no door to knock at
            yield port


def own_environment(home: Path) -> dict[str, str]:
    """This process's environment without whatever leads to a yard that is in use, its state in ``home``."""
    env = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in TAKEN_OUT}
    return env | {"CHARGEYARD_HOME": str(home)}


def figures(module: str, arguments: Sequence[str], *, parts: str, needs_redis: bool = False) -> Any:
    """What a module of the bench prints as JSON, run with an empty database of its own and nothing else of a yard.

    ``needs_redis``: but for the place where tasks and news for browsers go. Raises PartMissing, StartFailed or
    YardFailed.
    """
    with contextlib.ExitStack() as stack:
        environment = own_environment(Path(stack.enter_context(TemporaryDirectory(prefix="chargeyard-bench-"))))
        if parts == "production":
            environment |= {"DATABASE_URL": stack.enter_context(servers.postgres())}
        if needs_redis:
            environment |= {"REDIS_URL": stack.enter_context(servers.valkey())}
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise YardFailed("It could not be measured; the reason stands above.")
    return json.loads(done.stdout)


@contextlib.contextmanager
def running(
    parts: str, *, gateways: int = 0, before: Sequence[str] = (), settings: Mapping[str, str] | None = None
) -> Iterator[Yard]:
    """Bring a yard up; ``parts``: one of `PARTS`. Raises PartMissing, StartFailed or YardFailed.

    ``gateways``: how many processes serve chargers, beside one for people; 0: one for both. ``before``: the words of a
    management command that prepares its folder; ``settings``: by their names.
    """
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="chargeyard-bench-", ignore_cleanup_errors=True)))
        env = own_environment(home) | dict(settings or {})
        if before:
            command = [sys.executable, "manage.py", *before]
            subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True)
        if parts == "production":
            env["DATABASE_URL"] = stack.enter_context(servers.postgres())
            env["REDIS_URL"] = stack.enter_context(servers.redis_server())
            env["MQTT_URL"] = stack.enter_context(servers.mosquitto())
        env["WORKER_METRICS"] = f"127.0.0.1:{ports.free()}"
        env["ROLE"] = "portal" if gateways else "all"
        port = ports.free()
        command = [sys.executable, "manage.py", "up", "--port", str(port), "--no-demo"]
        process = _started(command, env, home / "up.log")
        stack.callback(_stop, process, signal.SIGINT)
        _wait_until_up(f"http://127.0.0.1:{port}/readyz", process, home)
        yard = Yard(home, env, port, process)
        stack.callback(yard.stop_gateways)
        for _ in range(gateways):
            yard.start_gateway(ports.free())
        yard.wait_for_gateways()
        yield yard


def _started(command: list[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    parent_pid = os.getpid()
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent_pid),  # noqa: PLW1509 - a bench that was killed leaves no yard
        )


def _stop(process: subprocess.Popen[bytes], gently: signal.Signals) -> None:
    process.send_signal(gently)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], home: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
            return
        time.sleep(0.1)
    output = "\n".join(log.read_text(errors="replace")[-2000:] for log in sorted(home.glob("*.log")))
    raise YardFailed(f"{url} did not answer:\n{output}")
