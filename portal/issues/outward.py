"""Whether we may call an address that somebody typed in, and calling the very address that was looked at.

A URL is a wish of whoever typed it; behind it may be our own database, a cloud's metadata, or a name that points
elsewhere at each question. So: scheme and host by a list, every address of the host checked at the time of use, the
connection made to that address, no redirects.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

LONGEST_ANSWER = 1000  # bytes read of an answer
TIMEOUT = urllib3.Timeout(connect=5, read=10)


class Forbidden(ValueError):
    """An address that we do not call; the text is for people."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a checked URL leads: one address of its host."""

    scheme: str
    host: str
    address: str
    port: int
    path: str


def check(url: str, *, allowed: Collection[str]) -> Target:
    """Where ``url`` leads. Raises Forbidden.

    ``allowed``: host names, ``*.example.com`` for all below one, ``*`` for any. A host named in full may be in a
    private network and may speak plain http; any other has to be public and speak https.
    """
    scheme, host, port, path = _parts(url)
    is_named = host in {name.casefold() for name in allowed}
    if not is_named and not _is_covered(host, allowed):
        raise Forbidden(
            f"{host!r} is not among the hosts that webhooks may call: {', '.join(sorted(allowed)) or 'none'}."
        )
    if scheme == "http" and not is_named:
        raise Forbidden(f"{url[:80]!r} is not encrypted; use https, or name {host!r} in WEBHOOK_HOSTS.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Forbidden(f"{host!r} has no address: {error}.") from error
    addresses = [str(entry[4][0]) for entry in found]
    private = [address for address in addresses if not is_public(address)]
    if private and not is_named:
        raise Forbidden(
            f"{host!r} is {private[0]}, which is no public address; name it in WEBHOOK_HOSTS if you mean it."
        )
    return Target(scheme, host, addresses[0], port, path)


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


def post(url: str, body: bytes, headers: dict[str, str], *, allowed: Collection[str]) -> tuple[int, str]:
    """POST to a URL; the status and the beginning of the answer. Raises Forbidden, or OSError where nobody answers."""
    target = check(url, allowed=allowed)
    pool: urllib3.HTTPConnectionPool
    if target.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            target.address,
            target.port,
            ssl_context=ssl.create_default_context(),
            server_hostname=target.host,
            assert_hostname=target.host,
            timeout=TIMEOUT,
        )
    else:
        pool = urllib3.HTTPConnectionPool(target.address, target.port, timeout=TIMEOUT)
    default = 443 if target.scheme == "https" else 80
    name = target.host if target.port == default else f"{target.host}:{target.port}"
    try:
        answer = pool.urlopen(
            "POST",
            target.path,
            body=body,
            headers={**headers, "Host": name},
            redirect=False,
            retries=False,
            preload_content=False,
        )
        text = answer.read(LONGEST_ANSWER).decode("utf-8", "replace")
    except urllib3.exceptions.HTTPError as error:
        raise OSError(f"{target.host} did not answer: {error}"[:250]) from error
    finally:
        pool.close()
    return answer.status, text


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
        raise Forbidden("A URL with a name or password before the host is not called; webhooks are signed instead.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path


def _is_covered(host: str, allowed: Collection[str]) -> bool:
    names = {name.casefold() for name in allowed}
    return "*" in names or any(name.startswith("*.") and host.endswith(name[1:]) for name in names)
