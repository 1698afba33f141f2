"""A Mosquitto that wants a certificate of everybody, as AWS IoT Core does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from gateway.testing.authority import Authority
from portal.bench import servers
from portal.supervisor import ports
from portal.supervisor.children import Program
from portal.tests.parts import _or_skip


@contextlib.contextmanager
def _mosquitto(authority: Authority) -> Iterator[str]:
    port = ports.free()
    with servers.own_folder() as folder:
        (folder / "ca.pem").write_text(authority.certificate)
        (folder / "server.pem").write_text(authority.issue("broker"))
        config = folder / "mosquitto.conf"
        config.write_text(_config(folder, port))
        program = Program("mosquitto", (servers._program("mosquitto"), "-c", str(config)))
        missing = lambda: "" if ports.accepts(ports.LOOPBACK, port) else "no answer"  # noqa: E731
        with servers.running(program, folder, missing):
            yield f"mqtts://{ports.LOOPBACK}:{port}"


def _config(folder: Path, port: int) -> str:
    lines = servers.mosquitto_config(port).splitlines()
    lines += [f"cafile {folder}/ca.pem", f"certfile {folder}/server.pem", f"keyfile {folder}/server.pem"]
    lines += ["require_certificate true", "use_identity_as_username true"]
    if os.geteuid() == 0:
        lines.append("user root")  # or it could not read the folder of ours
    return "\n".join(lines) + "\n"


def mosquitto(authority: Authority) -> contextlib.AbstractContextManager[str]:
    """A Mosquitto with TLS that takes only clients with a certificate of ``authority``; yields its URL."""
    return _or_skip(lambda: _mosquitto(authority))()
