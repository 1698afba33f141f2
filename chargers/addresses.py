"""The address a charger dials. Pure string work."""

from __future__ import annotations

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
