"""Whether we may call an address that somebody told us, and calling the very address that was looked at.

A URL is a wish of whoever typed it, or of a charger; behind it may be our own database, a cloud's metadata, or a name
that points elsewhere at each question. So: scheme and host by a list, every address of the host checked at the time of
use, the connection made to that address, no redirects, and an end to what is read and to how long.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_match_hostname import CertificateError

LONGEST_ANSWER = 1000  # bytes read of an answer
PATIENCE_S = 15.0
CONNECT_S = 5.0
CHUNK = 4096
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # the last 32 bits are an address of IPv4


class Forbidden(ValueError):
    """An address that we do not call; the text is for people."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Which hosts may be called: names, ``*.example.com`` for all below one, ``*`` for any.

    One named in full may be in a private network and may speak plain http; any other has to be public and speak https,
    unless what it says is signed (``may_be_plain``).
    """

    allowed: Collection[str]
    setting: str  # where its reader can add one
    may_be_plain: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a checked URL leads: one address of its host."""

    scheme: str
    host: str
    address: str
    port: int
    path: str


def check(url: str, hosts: Hosts) -> Target:
    """Where ``url`` leads. Raises Forbidden."""
    scheme, host, port, path = _parts(url)
    is_named = host in {name.casefold() for name in hosts.allowed}
    if not is_named and not _is_covered(host, hosts.allowed):
        raise Forbidden(
            f"{host!r} is not among the hosts of {hosts.setting}: {', '.join(sorted(hosts.allowed)) or 'none'}."
        )
    if scheme == "http" and not (is_named or hosts.may_be_plain):
        raise Forbidden(f"{url[:80]!r} is not encrypted; use https, or name {host!r} in {hosts.setting}.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Forbidden(f"{host!r} has no address: {error}.") from error
    addresses = [str(entry[4][0]) for entry in found]
    private = [address for address in addresses if not is_public(address)]
    if private and not is_named:
        raise Forbidden(
            f"{host!r} is {private[0]}, which is no public address; name it in {hosts.setting} if you mean it."
        )
    return Target(scheme, host, addresses[0], port, path)


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip in NAT64:
        ip = ipaddress.IPv4Address(ip.packed[-4:])
    within = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return (within or ip).is_global and not ip.is_multicast


def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    hosts: Hosts,
    *,
    longest: int = LONGEST_ANSWER,
    within_s: float = PATIENCE_S,
) -> tuple[int, bytes]:
    """POST to a URL: status and beginning of the answer. Raises Forbidden, or OSError where nobody answers in time."""
    target, ends_at, is_cut = check(url, hosts), time.monotonic() + within_s, threading.Event()
    line = _line(target, min(CONNECT_S, within_s))
    default = 443 if target.scheme == "https" else 80
    name = target.host if target.port == default else f"{target.host}:{target.port}"
    try:
        line.connect()
        line.timeout = within_s
        with _cutting(line.sock, ends_at, is_cut):
            line.request("POST", target.path, body, {**headers, "Host": name}, preload_content=False)
            answer, read = line.getresponse(), b""
            while len(read) < longest and (chunk := answer.read1(CHUNK)):
                read += chunk
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, CertificateError, OSError) as error:
        if not is_cut.is_set():
            raise OSError(f"{target.host} did not answer: {error}"[:250]) from error
    finally:
        line.close()
    if is_cut.is_set():  # which may look like the end of what they said
        raise OSError(f"{target.host} did not finish its answer within {within_s:g} s.")
    return answer.status, read[:longest]


def _line(target: Target, connect_s: float) -> HTTPConnection:
    """To the address that was looked at; the certificate has to be that of the host."""
    if target.scheme == "http":
        return HTTPConnection(target.address, target.port, timeout=connect_s)
    return HTTPSConnection(
        target.address,
        target.port,
        ssl_context=ssl.create_default_context(),
        server_hostname=target.host,
        assert_hostname=target.host,
        timeout=connect_s,
    )


@contextmanager
def _cutting(sock: socket.socket, ends_at: float, is_cut: threading.Event) -> Iterator[None]:
    """Shut it down when time is over, whatever is being read: a byte now and then keeps its own time limit away."""

    def cut() -> None:
        is_cut.set()
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of TLS, which forgets its keys under the reader

    knife = threading.Timer(max(0.0, ends_at - time.monotonic()), cut)
    knife.daemon = True
    knife.start()
    try:
        yield
    finally:
        knife.cancel()


def _parts(url: str) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Forbidden(f"{url[:80]!r} is not a URL: {error}.") from error
    host = (parts.hostname or "").rstrip(".").casefold()
    if parts.scheme not in ("https", "http") or not host:
        raise Forbidden(f"{url[:80]!r} is not a URL such as https://hooks.example.com/chargeyard.")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("A URL with a name or password before the host is not called.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path


def _is_covered(host: str, allowed: Collection[str]) -> bool:
    names = {name.casefold() for name in allowed}
    return "*" in names or any(name.startswith("*.") and host.endswith(name[1:]) for name in names)
