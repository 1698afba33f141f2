"""A whole Chargeyard as its users run it: `manage.py up` in a folder of its own, spoken to only from outside."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.testing.keys import Held
from portal.bench.yard import own_environment
from portal.supervisor.children import die_with_parent
from portal.tests import made_once

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Stack:
    """Where it is and how to get in. ``rest`` carries an API key, ``password`` is the admin's."""

    url: str
    home: Path
    env: dict[str, str]
    password: str
    rest: httpx.Client
    process: subprocess.Popen[bytes]
    tls_port: int = 0  # see `running_with_tls`
    cookies: list[Any] = field(default_factory=list)  # of an admin who has signed in, see `browser.desk`

    @property
    def ocpp_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ocpp"

    @property
    def secure_ocpp_url(self) -> str:
        return f"wss://localhost:{self.tls_port}/ocpp"

    @property
    def authority(self) -> Held:
        """Whose signature chargers and the yard believe; see `gateway.testing.keys`."""
        return Held.read(self.home / "charger-ca.pem")

    def manage(self, *arguments: str) -> str:
        """Run a management command beside the running stack; its standard output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def register(self, identity: str, *, security_profile: int = 1, **more: Any) -> str:
        """Register a charger by REST; its password, empty for profile 0."""
        answer = self.rest.post(
            "/api/v1/chargers/",
            json={"identity": identity, "security_profile": security_profile, **more},
        )
        assert answer.status_code == 201, answer.text
        return answer.json().get("password") or ""

    def get(self, path: str, **params: Any) -> Any:
        answer = self.rest.get(f"/api/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def command(self, identity: str, action: str, payload: dict[str, Any]) -> Any:
        answer = self.rest.post(
            f"/api/v1/chargers/{identity}/commands/",
            json={"action": action, "payload": payload},
        )
        assert answer.status_code == 202, answer.text
        return answer.json()

    def settled(self, command_id: str, within_s: float = 15) -> Any:
        """The command once it is closed."""
        return until(
            lambda: (c := self.get(f"commands/{command_id}/"))["status"] not in {"pending", "sent"} and c,
            within_s,
        )


def until(look: Callable[[], Any], within_s: float = 15, every_s: float = 0.1) -> Any:
    """What ``look`` gives as soon as it is true; fails with its last value otherwise."""
    end = time.monotonic() + within_s
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"Not within {within_s} s; last seen: {seen!r}")
        time.sleep(every_s)
    return seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(home: Path, *arguments: str, **env: str) -> Iterator[Stack]:
    """`up` until it is ready; Ctrl-C at the end. ``env``: settings, e.g. ``DATABASE_URL``."""
    port = free_port()
    environ = own_environment(home) | {"STATIC_ROOT": str(made_once.static_files())} | env
    if "DATABASE_URL" not in env:
        made_once.sqlite(home)
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(port), *arguments],
            cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - a killed test run leaves no yard behind
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=10) as rest:
            _wait_ready(rest, process, home)
            stack = Stack(
                url,
                home,
                environ,
                (home / "admin-password.txt").read_text().strip(),
                rest,
                process,
                tls_port=int(env.get("TLS_PORT", 0)),
            )
            rest.headers["Authorization"] = f"Api-Key {stack.manage('create_api_key', 'journeys')}"
            yield stack
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@contextmanager
def running_with_tls(home: Path, *arguments: str, **env: str) -> Iterator[Stack]:
    """`running`, with TLS on a second port, by certificates of the yard's own authority."""
    subprocess.run(
        [sys.executable, "manage.py", "create_tls_certificate", "localhost", "127.0.0.1"],
        cwd=ROOT, env=own_environment(home), check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with running(home, *arguments, TLS_PORT=str(free_port()), **env) as stack:
        yield stack


def _wait_ready(rest: httpx.Client, process: subprocess.Popen[bytes], home: Path) -> None:
    def is_ready() -> bool:
        assert process.poll() is None, (home / "up.log").read_text()
        try:
            return rest.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(is_ready, within_s=120, every_s=0.25)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{(home / 'up.log').read_text()}") from None
