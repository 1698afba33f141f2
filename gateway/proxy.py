"""What a TLS proxy of ours tells about a caller: its address, whether it came by TLS, the certificate that it showed.

Believed only from a proxy: by ``PROXY_ADDRESSES`` where they are set, and a certificate never without them. What
anybody else writes into these headers is passed over.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from django.conf import settings

from gateway import trust

Headers = dict[bytes, bytes]


def address(scope: dict[str, Any], forwarded: bytes) -> str:
    """Where the call comes from: the peer, or what the last of our `TRUSTED_PROXIES` says it is."""
    hops = forwarded.decode("latin-1").split(",")
    is_told = 0 < settings.TRUSTED_PROXIES <= len(hops) and _may_tell(scope)
    if is_told and (named := hops[-settings.TRUSTED_PROXIES].strip()):
        return named[:64]
    return _peer(scope)[:64]


def is_secure(scope: dict[str, Any], headers: Headers) -> bool:
    """TLS ended here, or at a proxy of ours that says so."""
    if scope.get("scheme") == "wss" or settings.BEHIND_TLS:
        return True
    has_proxy = settings.TRUSTED_PROXIES > 0 or settings.PUBLIC_URL.startswith("https://") or settings.PROXY_ADDRESSES
    forwarded = headers.get(b"x-forwarded-proto", b"")
    return bool(has_proxy) and _may_tell(scope) and forwarded.strip().lower() in (b"https", b"wss")


def certificate(scope: dict[str, Any], headers: Headers) -> x509.Certificate | None:
    """The client certificate, signed by an authority that we trust; None if none was shown.

    Shown in our own handshake, it has been judged there. Raises ValueError with the reason if one that a proxy hands
    over will not do.
    """
    if (seen := scope.get("extensions", {}).get("tls")) is not None:
        chain = seen["client_cert_chain"]
        return x509.load_pem_x509_certificate(chain[0].encode()) if chain else None
    name = settings.PROXY_CERTIFICATE_HEADER.lower().encode()
    if not name or not settings.PROXY_ADDRESSES or not _may_tell(scope) or not headers.get(name, b"").strip():
        return None
    handed = chain_in(headers[name])
    if why := _authorities(*trust.state()).objection(handed):
        raise ValueError(why)
    return handed[0]


def chain_in(header: bytes) -> list[x509.Certificate]:
    """Certificates in a header: PEM percent-encoded (nginx, AWS ALB, Envoy) or RFC 9440 (``:base64:``).

    Raises ValueError.
    """
    text = header.strip()
    if text.startswith(b":"):
        try:
            return [x509.load_der_x509_certificate(base64.b64decode(text.strip(b":"), validate=True))]
        except binascii.Error as error:
            raise ValueError(f"The proxy's header holds no certificate ({error}).") from error
    return x509.load_pem_x509_certificates(unquote(text.decode("latin-1")).encode())


def _may_tell(scope: dict[str, Any]) -> bool:
    """Whether the peer is a proxy of ours; without ``PROXY_ADDRESSES`` nobody can tell."""
    if not settings.PROXY_ADDRESSES:
        return True
    try:
        peer = ip_address(_peer(scope))
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None)
    return any((mapped or peer) in network for network in _networks(tuple(settings.PROXY_ADDRESSES)))


def _peer(scope: dict[str, Any]) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


@lru_cache
def _networks(named: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(each) for each in named]


@lru_cache(maxsize=1)
def _authorities(files: Any, changed_at: Any) -> trust.Authorities:
    return trust.Authorities.read(files)
