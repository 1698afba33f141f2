"""Where the MQTT broker is: ``MQTT_URL`` taken apart. Knows no MQTT client's loop, only how to be told its address."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client

from gateway.bus import tls

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool

    def __str__(self) -> str:
        """For logs: without the password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def introduce(self, client: Client) -> None:
        """Give a client, before it connects, what this address asks for: credentials, TLS, and frames sent at once."""
        if self.username is not None:
            client.username_pw_set(self.username, self.password)
        if self.tls:
            client.tls_set_context(tls.context(self.port))
        client.on_socket_open = send_at_once


def connect_args(url: str) -> Address:
    """The parts of ``mqtt[s]://[user:password@]host[:port]``. Raises ValueError naming what is wrong."""
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(
            f"MQTT_URL is {_without_password(url)!r}; it reads mqtt://host:1883 or mqtts://user:password@host:8883."
        )
    try:
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except ValueError as error:
        raise ValueError(f"MQTT_URL names the port wrongly ({error}); it is a number from 1 to 65535.") from error
    return Address(
        host=parts.hostname,
        port=port,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        tls=parts.scheme == "mqtts",
    )


def send_at_once(client: Client, userdata: Any, sock: Any) -> None:
    """``on_socket_open``: switch Nagle's algorithm off, it costs 40 ms on every other frame."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _without_password(url: str) -> str:
    head, separator, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if separator else url
