"""Counts failed sign-ins, and failures only, so that passwords cannot be tried by the thousand. Knows no form.

Three limits within a quarter of an hour: an account from one address, an address in all, an account in all. The last is
high: whoever knows somebody's name may slow that person down, but not soon. Each process counts for itself.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from chargers.addresses import network

WINDOW_S = 900.0
PER_ACCOUNT_AND_ADDRESS = 10
PER_ADDRESS = 100
PER_ACCOUNT = 200


class Attempts:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # pages are answered by several threads
        self._began = 0.0
        self._counts: Counter[tuple[str, str]] = Counter()

    def wait_s(self, account: str, address: str, now: float) -> int:
        """Whole seconds until this account may be tried from this address again; 0: now."""
        with self._lock:
            self._turn(now)
            is_over = any(self._counts[key] >= limit for key, limit in _limits(account, address))
            return math.ceil(self._began + WINDOW_S - now) if is_over else 0

    def failed(self, account: str, address: str, now: float) -> None:
        with self._lock:
            self._turn(now)
            self._counts.update(key for key, _ in _limits(account, address))

    def succeeded(self, account: str, address: str) -> None:
        """Who has mistyped and then come in begins anew."""
        with self._lock:
            self._counts.pop((_fold(account), network(address)), None)

    def _turn(self, now: float) -> None:
        """A new window forgets everything, so the table stays small."""
        if now - self._began >= WINDOW_S:
            self._began = now
            self._counts.clear()


def _limits(account: str, address: str) -> list[tuple[tuple[str, str], int]]:
    name, address = _fold(account), network(address)
    return [((name, address), PER_ACCOUNT_AND_ADDRESS), (("", address), PER_ADDRESS), ((name, ""), PER_ACCOUNT)]


def _fold(account: str) -> str:
    """Never empty, which stands for all of them."""
    return account.strip().casefold()[:150] or "?"


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: the peer, or what the last of our `TRUSTED_PROXIES` says it is."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    if 0 < settings.TRUSTED_PROXIES <= len(hops) and _is_proxy(peer):
        return hops[-settings.TRUSTED_PROXIES].strip()[:64] or peer
    return peer


def _is_proxy(peer: str) -> bool:
    """Without `PROXY_ADDRESSES` nobody can tell."""
    if not settings.PROXY_ADDRESSES:
        return True
    try:
        return any(ip_address(peer) in ip_network(network) for network in settings.PROXY_ADDRESSES)
    except ValueError:
        return False
