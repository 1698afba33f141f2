"""Real servers for a while: each started from its program on a free port, in a folder of its own, gone at the end.

For the bench and for tests. Raises PartMissing for a program that is not on this machine, StartFailed for one that does
not come up.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from portal.supervisor import parts, ports
from portal.supervisor.children import Program, die_with_parent
from portal.supervisor.stack import StartFailed

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 30.0


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """The Valkey server that `up` starts, as it starts it; yields its URL."""
    port = ports.free()
    with own_folder() as folder, running(parts.valkey(folder, port), folder, lambda: parts.valkey_missing(port)):
        yield f"redis://{ports.LOOPBACK}:{port}/0"


@contextlib.contextmanager
def nats() -> Iterator[str]:
    """The NATS server that `up` starts, as it starts it; yields the URL of its MQTT side. No shared subscriptions."""
    port = ports.free()
    with own_folder() as folder, running(parts.nats(folder, port), folder, lambda: parts.nats_missing(port)):
        yield f"mqtt://{ports.LOOPBACK}:{port}"


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of the operating system; yields its URL."""
    port = ports.free()
    with own_folder() as folder, running(redis_program(folder, port), folder, lambda: parts.valkey_missing(port)):
        yield f"redis://{ports.LOOPBACK}:{port}/0"


def redis_program(folder: Path, port: int) -> Program:
    """The Redis of the operating system, which keeps nothing. Raises PartMissing."""
    options = ["--port", str(port), "--bind", ports.LOOPBACK, "--dir", str(folder), "--save", ""]
    return Program("redis-server", (_program("redis-server"), *options))


@contextlib.contextmanager
def mosquitto(more: str = "") -> Iterator[str]:
    """A Mosquitto with the configuration of docker-compose.yml (but for its storage plugin); yields its URL.

    ``more``: lines for its configuration.
    """
    port = ports.free()
    with (
        own_folder() as folder,
        running(mosquitto_program(folder, port, more), folder, lambda: parts.nats_missing(port)),
    ):
        yield f"mqtt://{ports.LOOPBACK}:{port}"


def mosquitto_program(folder: Path, port: int, more: str = "") -> Program:
    """The Mosquitto of the operating system; ``folder`` becomes its owner's. Raises PartMissing."""
    config = folder / "mosquitto.conf"
    config.write_text(mosquitto_config(port) + more)
    # Started as whom it would become: to become somebody else makes the kernel forget that it is to die with us.
    user = _hand_over(folder, to="mosquitto")
    return Program("mosquitto", (_program("mosquitto"), "-c", str(config)), user=user)


def mosquitto_config(port: int) -> str:
    """`deploy/mosquitto.conf` for ``port`` on loopback, without the plugin, which only Mosquitto 2.1 has."""
    lines = (ROOT / "deploy/mosquitto.conf").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("global_plugin", "plugin_opt", "persistence_location"))]
    return "\n".join(kept).replace("listener 1883", f"listener {port} {ports.LOOPBACK}") + "\n"


@contextlib.contextmanager
def postgres(*, fsync: bool = True, database: str = "postgres", data: Path | None = None) -> Iterator[str]:
    """A PostgreSQL cluster of its own; yields the URL of ``database`` in it. ``fsync`` off is for tests.

    Empty, unless it starts from a copy of the cluster in ``data``.
    """
    port = ports.free()
    options = {} if fsync else {"fsync": "off"}
    with own_folder() as folder:
        program = new_postgres(folder, port, data, **options)
        with running(program, folder, lambda: postgres_missing(postgres_url(port))):
            yield postgres_url(port, database)


def new_postgres(folder: Path, port: int, data: Path | None = None, **options: str) -> Program:
    """Make a cluster in ``folder``, which becomes its owner's, or copy that in ``data``. Raises PartMissing.

    ``options``: of postgresql.conf.
    """
    if data is not None:
        shutil.copytree(data, folder / "data")
    user = _hand_over(folder, to="postgres")  # it refuses to run as root
    if data is None:
        create = [_program("initdb"), "--pgdata", str(folder / "data"), "--username", "chargeyard", "--auth", "trust"]
        create += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        subprocess.run(create, check=True, capture_output=True, user=user, cwd=folder)
    options = {"listen_addresses": ports.LOOPBACK, "port": str(port), "unix_socket_directories": ""} | options
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return Program("postgres", (_program("postgres"), "-D", str(folder / "data"), *words), user=user)


def postgres_url(port: int, database: str = "postgres") -> str:
    return f"postgres://chargeyard@{ports.LOOPBACK}:{port}/{database}"


def postgres_missing(url: str) -> str:
    """What keeps it from taking connections; "" when it does."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def _hand_over(folder: Path, *, to: str) -> str | None:
    """Make ``folder`` and all in it that user's, if we are root and there is one; the user, None if it stays ours."""
    if os.geteuid() != 0:
        return None
    try:
        user_id = pwd.getpwnam(to).pw_uid
    except KeyError:
        return None
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user_id, -1)
    return to


def _program(name: str) -> str:
    """The path of ``name``, also where Debian hides it. Raises PartMissing."""
    hidden = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not (hidden or found):
        raise parts.PartMissing(f"{name} is not installed on this machine.")
    return str(hidden[-1]) if hidden else str(found)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for a server, gone at the end."""
    # With a space in its name: people have those. Not below pytest's own folder, which only root may enter.
    with tempfile.TemporaryDirectory(prefix="chargeyard part-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextlib.contextmanager
def running(program: Program, folder: Path, missing: Callable[[], str]) -> Iterator[None]:
    """Run ``program`` while the block runs, which begins when nothing is ``missing`` any more."""
    parent_pid = os.getpid()
    with (folder / "output.log").open("w+") as output:
        process = subprocess.Popen(
            program.command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=program.user,
            # After the change of user, which makes the kernel forget it.
            preexec_fn=lambda: die_with_parent(parent_pid),  # noqa: PLW1509
        )
        try:
            deadline_s = time.monotonic() + START_LIMIT_S
            while what := missing():
                if process.poll() is not None or time.monotonic() > deadline_s:
                    output.seek(0)
                    raise StartFailed(f"{program.name} did not start: {what}\n{output.read()[-2000:]}")
                time.sleep(0.02)
            yield
        finally:
            # SIGINT: PostgreSQL ends fast and takes its shared memory along.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
