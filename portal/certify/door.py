"""Who is let in, on which security profile: what the cases of both versions have in common."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import suppress
from pathlib import Path

import websockets

from portal.certify.expect import Failed, expect, same
from portal.certify.keys import Key
from portal.certify.station import Station
from portal.certify.wire import basic, dial


async def is_turned_away(s: Station, user: str, password: str, *, offers: list[str] | None = None) -> int:
    """Dial with these credentials; the HTTP status of the refusal. Raises Failed if there is none."""
    headers = basic(user, password) if password else {}
    try:
        socket = await dial(s.desk.ocpp_url, s.identity, offers=offers or [s.subprotocol], headers=headers)
    except websockets.InvalidStatus as refusal:
        return refusal.response.status_code
    await socket.close()
    raise Failed(f"The yard let {user!r} in")


async def valid_credentials(s: Station) -> None:
    await s.connects()
    await s.boots()
    await s.sees_charger(is_online=True)


async def user_is_not_the_identity(s: Station) -> None:
    same(await is_turned_away(s, "SOMEBODY-ELSE", s.password), 401, "The refusal")


async def wrong_password(s: Station) -> None:
    same(await is_turned_away(s, s.identity, "no" + s.password[2:]), 401, "The refusal")
    same(await is_turned_away(s, s.identity, ""), 401, "The refusal without credentials")


async def subprotocols(s: Station) -> None:
    """An unknown version beside a known one, and alone."""
    await s.connects(offers=["ocpp0.1", s.subprotocol])
    await s.boots()
    await s.leaves()
    same(await is_turned_away(s, s.identity, s.password, offers=["ocpp0.1"]), 400, "The refusal")


# -- security profiles 2 and 3 -----------------------------------------------------------------------------------------


def _context(s: Station) -> ssl.SSLContext:
    assert s.tls is not None
    return ssl.create_default_context(cafile=str(s.tls.authority))


async def connects_by_tls(s: Station, context: ssl.SSLContext, *, with_password: bool = True) -> None:
    assert s.tls is not None
    headers = basic(s.identity, s.password) if with_password else {}
    socket = await dial(s.tls.url, s.identity, offers=[s.subprotocol], headers=headers, ssl=context)
    s.takes(socket)


async def server_certificate(s: Station) -> None:
    """Profile 2: TLS and a password."""
    await s.desk.patch(f"chargers/{s.identity}/", {"security_profile": 2})
    await connects_by_tls(s, _context(s))
    await s.boots()
    expect(s.wire.socket.transport.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3"), "TLS is too old")


async def tls_is_too_old(s: Station) -> None:
    context = _context(s)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    await _fails_to_connect(s, context, "TLS 1.1")


async def _fails_to_connect(s: Station, context: ssl.SSLContext, with_what: str) -> None:
    with suppress(OSError, websockets.WebSocketException):
        await connects_by_tls(s, context, with_password=False)
        await s.boots()
        raise Failed(f"The yard let a station in with {with_what}")


def with_certificate(s: Station, key: Key, chain: str) -> ssl.SSLContext:
    context = _context(s)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "station.pem")
        file.touch(mode=0o600)
        file.write_text(key.pem + chain)
        context.load_cert_chain(file)
    return context


async def foreign_certificate(s: Station) -> None:
    await s.desk.patch(f"chargers/{s.identity}/", {"security_profile": 3})
    key = Key()
    await _fails_to_connect(s, with_certificate(s, key, key.certificate(s.identity)), "a certificate of its own making")
