"""The address a charger dials. Pure string work."""

from __future__ import annotations

from urllib.parse import quote


def ocpp_url(identity: str, base_url: str) -> str:
    """``base_url`` is how we are reached by HTTP, e.g. `https://csms.example`; the answer begins with ws or wss.

    Many chargers are given the part before the identity and add the identity by themselves.
    """
    return f"{base_url.rstrip('/').replace('http', 'ws', 1)}/ocpp/{quote(identity, safe='')}"
