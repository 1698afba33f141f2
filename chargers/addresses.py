"""The address a charger dials, and which of those that people and chargers call from count as one. Pure string work."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network
from urllib.parse import quote, urlsplit


def secure_base_url(base_url: str, tls_port: int | None) -> str:
    """How chargers reach us by TLS where ``base_url`` is how a browser does; "" if they cannot."""
    address = urlsplit(base_url)
    if address.scheme == "https":
        return base_url.rstrip("/")
    if tls_port is None or address.hostname is None:
        return ""
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    return f"https://{host}:{tls_port}"


def ocpp_url(identity: str, base_url: str) -> str:
    """``base_url`` is how we are reached by HTTP, e.g. `https://csms.example`; the answer begins with ws or wss.

    Many chargers are given the part before the identity and add the identity by themselves.
    """
    return f"{base_url.rstrip('/').replace('http', 'ws', 1)}/ocpp/{quote(identity, safe='')}"


def network(address: str) -> str:
    """What counts as one address: of IPv6 the /64, for whoever has one address there has 2^64 of them."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:  # a proxy's word
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False))
