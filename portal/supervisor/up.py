"""`python3 manage.py up`: which parts a yard has, in which order they start, and what the newcomer reads at the end."""

from __future__ import annotations

import argparse
import http.client
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from portal.supervisor import lock, parts, ports
from portal.supervisor.checkpoint import Checkpointer
from portal.supervisor.children import Program
from portal.supervisor.console import Console, short
from portal.supervisor.home import Home, value_of
from portal.supervisor.signals import Signals
from portal.supervisor.stack import Stack, StartFailed, StopRequested

ROOT = Path(__file__).resolve().parents[2]
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8000, help="portal and gateway listen here (default 8000)")
    parser.add_argument(
        "--host",
        default=ports.LOOPBACK,
        help="address to listen on (default 127.0.0.1, this machine only; 0.0.0.0 lets chargers of your network in)",
    )
    parser.add_argument("--no-demo", action="store_true", help="without the twelve simulated chargers")


def main(arguments: Sequence[str]) -> int:
    """Run the yard until Ctrl-C or SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description="Start a whole yard: Valkey, NATS, portal and gateway, worker, beat and a demo fleet.",
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    return run(host=options.host, port=options.port, has_demo=not options.no_demo)


def run(*, host: str, port: int, has_demo: bool) -> int:
    """Start everything, say where it is, keep it running. Returns 0 after a stop that was asked for, 1 if it cannot."""
    console, signals = Console(), Signals()
    home = Home.named_by(os.environ, root=ROOT)
    try:
        _open(home)
        with lock.held(home.lock, address=f"http://{_authority(host, port)}/"):
            _check_port(host, port)
            stack = Stack(console=console, signals=signals, logs=home.logs, cwd=ROOT)
            Yard(home, stack, console, host=host, port=port, has_demo=has_demo).run()
            return 0
    except (lock.Locked, StartFailed, parts.PartMissing) as error:
        console.say(f"\n{error}")
        return 1


class Yard:
    """One run of `up`."""

    def __init__(self, home: Home, stack: Stack, console: Console, *, host: str, port: int, has_demo: bool) -> None:
        self._home = home
        self._stack = stack
        self._console = console
        self._host = host
        self._port = port
        self._has_demo = has_demo
        self._env = {"CHARGEYARD_HOME": str(home.folder), "PYTHONUNBUFFERED": "1"}
        self._checkpointer: Checkpointer | None = None

    def run(self) -> None:
        """Start, tend until asked to stop, stop. Raises StartFailed."""
        try:
            self._start_embedded_parts()
            password_before = self._home.read_admin_password()
            self._stack.run(self._manage("prepare"), show_output=True)
            self._start_checkpointer()
            self._start_own_processes()
            self._introduce(is_new_password=password_before != self._home.read_admin_password())
            self._stack.tend()
        except StopRequested:
            pass
        finally:
            self._stop()

    def _start_embedded_parts(self) -> None:
        """Valkey and NATS, each unless the environment names another server for the job."""
        port = ports.remembered(self._home.ports, "valkey", "nats")
        embedded: dict[str, str] = {}
        if not value_of(os.environ, "REDIS_URL"):
            program = parts.valkey(self._home.folder / "valkey", port["valkey"])
            with self._console.step(f"Valkey on {ports.LOOPBACK}:{port['valkey']}"):
                self._stack.wait_for(self._stack.start(program), lambda: parts.valkey_missing(port["valkey"]))
            embedded["REDIS_URL"] = f"redis://{ports.LOOPBACK}:{port['valkey']}/0"
        if not value_of(os.environ, "MQTT_URL"):
            program = parts.nats(self._home.folder / "nats", port["nats"])
            with self._console.step(f"NATS (MQTT) on {ports.LOOPBACK}:{port['nats']}"):
                self._stack.wait_for(self._stack.start(program), lambda: parts.nats_missing(port["nats"]))
            embedded["MQTT_URL"] = f"mqtt://{ports.LOOPBACK}:{port['nats']}"
            embedded["MQTT_SHARED_SUBSCRIPTIONS"] = "false"
        self._env |= embedded
        self._home.tell_other_commands(embedded)

    def _start_checkpointer(self) -> None:
        if database := self._home.sqlite_database(os.environ, root=ROOT):
            self._checkpointer = Checkpointer(database, complain=self._console.say)
            self._checkpointer.start()

    def _start_own_processes(self) -> None:
        """Beat and worker before the door opens; stopping goes the other way round, so the door closes first."""
        self._stack.start(self._celery("beat", "--schedule", str(self._home.folder / "beat-schedule")))
        # Gossip and mingle are for several workers; they cost the start a second.
        alone = ("--hostname", "worker@%h", "--without-gossip", "--without-mingle")
        worker = self._stack.start(self._celery("worker", "--concurrency", "2", *alone))
        serve = self._stack.start(self._manage("serve", "--host", self._host, "--port", str(self._port)))
        if self._has_demo:
            with self._console.step("demo sites and chargers"):
                self._stack.run(self._manage("demo"))
        with self._console.step(f"portal and gateway on {_authority(self._host, self._port)}"):
            self._stack.wait_for(serve, lambda: self._missing("/livez"))
        with self._console.step("worker"):
            self._stack.wait_for(worker, lambda: self._missing("/readyz"))
        if self._has_demo:
            url = f"ws://{self._own_authority()}/ocpp"
            fleet = str(self._home.demo_fleet)
            self._stack.start(self._manage("simulate", "--url", url, "--fleet", fleet, "--day-length", "600"))

    def _introduce(self, *, is_new_password: bool) -> None:
        password = self._home.read_admin_password()
        kept = short(self._home.admin_password)
        if is_new_password:
            login = f"admin / {password}   (also in {kept})"
        elif password:
            login = f"admin, password in {kept}"
        else:
            login = "your own accounts (a lost password: python3 manage.py changepassword NAME)"
        reach = "" if self._host != ports.LOOPBACK else "   (this machine only; your network: --host 0.0.0.0)"
        authority = self._own_authority()
        self._console.say(
            f"\n  Portal   http://{authority}/"
            f"\n  Login    {login}"
            f"\n  OCPP     ws://{authority}/ocpp/<identity>{reach}"
            f"{self._secure_line()}"
            f"\n  MQTT     {self._env.get('MQTT_URL') or _without_password(value_of(os.environ, 'MQTT_URL'))}"
            f"\n  Logs     {short(self._home.logs)}"
            "\n\n  Ctrl-C stops everything.\n"
        )

    def _secure_line(self) -> str:
        port = value_of(os.environ, "TLS_PORT")
        host = ports.LOOPBACK if self._host in ANY_ADDRESS else self._host
        return f"\n  by TLS   wss://{_authority(host, int(port))}/ocpp/<identity>" if port else ""

    def _stop(self) -> None:
        with self._console.step("stopping") as step:
            self._stack.stop()
            if self._checkpointer:
                self._checkpointer.stop()
            self._home.embedded_env.unlink(missing_ok=True)
            step.title = "stopped"

    def _manage(self, *words: str) -> Program:
        return Program(words[0], (sys.executable, str(ROOT / "manage.py"), *words), env=self._env)

    def _celery(self, *words: str) -> Program:
        command = (sys.executable, "-m", "celery", "-A", "portal.celery", *words, "--loglevel", "INFO")
        return Program(words[0], command, env=self._env, grace_s=20)

    def _own_authority(self) -> str:
        """Where this machine reaches the yard, whatever address it listens on."""
        return _authority(ports.LOOPBACK if self._host in ANY_ADDRESS else self._host, self._port)

    def _missing(self, path: str) -> str:
        """What our own server says instead of 200 when asked for ``path``; "" when it says 200."""
        connection = http.client.HTTPConnection(self._own_authority(), timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            return "" if answer.status == http.client.OK else f"{path} answers {answer.status} {text[:500]}"
        except (OSError, http.client.HTTPException) as error:
            return f"{path} does not answer ({error})"
        finally:
            connection.close()


def _open(home: Home) -> None:
    try:
        home.create()
    except OSError as error:
        raise StartFailed(
            f"The state folder {home.folder} cannot be made ({error.strerror}).\n"
            "The way out: CHARGEYARD_HOME=/some/folder python3 manage.py up"
        ) from error


def _check_port(host: str, port: int) -> None:
    try:
        if ports.is_free(host, port):
            return
        other = ports.next_free(host, max(port, 1024))
    except OSError as error:
        raise StartFailed(
            f"{host} is not an address of this machine ({error.strerror}). Try --host 127.0.0.1 or --host 0.0.0.0."
        ) from error
    raise StartFailed(
        f"Port {port} on {host} is taken by another program (or only root may use it).\n"
        f"The way out: python3 manage.py up --port {other}"
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"{port} is not a TCP port; 1 to 65535 are")
    return port


def _authority(host: str, port: int) -> str:
    """``host:port`` as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _without_password(url: str) -> str:
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
