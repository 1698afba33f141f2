"""The opening handshake: who calls, by which subprotocol, with which proof, and what who may not come in is told.

Pure: reads an ASGI scope and a charger's row, answers with a `Caller` or raises a `Refusal`. Touches nothing.
"""

from __future__ import annotations

import base64
import binascii
import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings

from chargers import credentials
from chargers.models import Charger, SecurityProfile, fold
from chargers.registration import flaw

# What we speak. The client's order decides which one it is.
SUBPROTOCOLS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
CHALLENGE = ("WWW-Authenticate", 'Basic realm="Chargeyard", charset="UTF-8"')


def jitter_s(least: int, most: int) -> int:
    """Seconds, spread: whoever is sent away together must not come back together."""
    return random.randint(least, most)  # noqa: S311 - no secret


class Refusal(Exception):
    """No upgrade: an HTTP status, a sentence for the installer's log, and headers."""

    def __init__(self, status: HTTPStatus, sentence: str, *headers: tuple[str, str]) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers

    @classmethod
    def later(cls, sentence: str, *, after_s: int | None = None) -> Refusal:
        """503: nothing is wrong with the caller."""
        return cls(HTTPStatus.SERVICE_UNAVAILABLE, sentence, ("Retry-After", str(after_s or jitter_s(5, 30))))


class Stranger(Refusal):
    """A charger that nobody registered, where `UNKNOWN_CHARGERS` is close_1008: let in and told by a close frame."""


def unknown_sentence(identity: str) -> str:
    """As the AWS OCPP gateway sample says it, so that an installer finds it on the web."""
    return f"Charge Point {identity} not registered as an IoT Thing"


@dataclass(frozen=True, slots=True)
class Caller:
    """A charger at the door; nothing of it is proved yet."""

    identity: str
    subprotocol: str
    address: str
    is_secure: bool  # came by TLS
    user: str | None  # of Basic authentication; None: none offered
    password: bytes


def read(scope: dict[str, Any]) -> Caller:
    """Who calls, from an ASGI WebSocket scope. Raises Refusal (400, 404) for what cannot be a charger of ours."""
    headers = dict(reversed(scope["headers"]))  # the first of a name counts
    identity = identity_in(scope.get("raw_path") or scope["path"].encode())
    user, password = basic_credentials(headers.get(b"authorization"))
    return Caller(
        identity,
        choose_subprotocol([value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]),
        # Some proxies add a line of their own instead of adding to the caller's.
        _address(scope, b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")),
        _is_secure(scope, headers.get(b"x-forwarded-proto")),
        user,
        password,
    )


def identity_in(raw_path: bytes) -> str:
    """The last segment of a path, percent-decoded: chargers keep the prefix of their old backend. Raises Refusal."""
    last = raw_path.partition(b"?")[0].rstrip(b"/").rpartition(b"/")[2]
    if not last:
        raise Refusal(HTTPStatus.NOT_FOUND, "The URL names no charger; it has to end in its identity: /ocpp/<identity>")
    try:
        identity = unquote_to_bytes(last).decode()
    except UnicodeDecodeError:
        raise Refusal(HTTPStatus.BAD_REQUEST, "The identity in the URL is no UTF-8 once percent-decoded.") from None
    if wrong := flaw(identity):
        raise Refusal(HTTPStatus.BAD_REQUEST, wrong)
    return identity


def choose_subprotocol(offers: list[bytes]) -> str:
    """The first one offered that we speak, to the letter: OCPP-J 3.1.2, TC_B_58. Raises Refusal."""
    offered = [name.strip() for name in b",".join(offers).decode("latin-1").split(",") if name.strip()]
    for name in offered:
        if name in SUBPROTOCOLS:
            return name
    what = f"offered {offered[:8]}" if offered else "no Sec-WebSocket-Protocol header came"
    raise Refusal(
        HTTPStatus.BAD_REQUEST,
        f"No common subprotocol: {what}; we speak {', '.join(SUBPROTOCOLS)}.",
    )


def basic_credentials(header: bytes | None) -> tuple[str | None, bytes]:
    """User and password of an ``Authorization`` header; (None, b"") if there is none that can be read."""
    scheme, _, encoded = (header or b"").strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None, b""
    try:
        # Some firmware leaves the padding out.
        decoded = base64.b64decode(encoded.strip() + b"=" * (-len(encoded.strip()) % 4), validate=True)
        user, separator, password = decoded.partition(b":")
        return (user.decode(), password) if separator else (None, b"")
    except (binascii.Error, UnicodeDecodeError):
        return None, b""


def judge(caller: Caller, charger: Charger) -> None:
    """Whether the caller is this charger, by the charger's security profile. Raises Refusal (401, 403)."""
    profile = charger.security_profile
    if profile == SecurityProfile.NONE:
        return
    if profile == SecurityProfile.CERTIFICATE:
        raise _mismatch(charger, "a client certificate, and none can be shown at this door")
    if profile == SecurityProfile.TLS and not caller.is_secure:
        raise _mismatch(charger, "TLS, and it came by plain ws://; use wss://")
    if caller.user is None:
        raise _unproved(f"Charger {charger.identity!r} has to log in: user name {charger.identity!r} and its password.")
    if fold(caller.user) != charger.identity_folded:
        raise _unproved(f"User {caller.user[:128]!r} is not the identity in the URL, {caller.identity!r}.")
    if not (credentials.matches(charger.password_hash, caller.password) or shows_new_password(caller, charger)):
        raise _unproved(f"Wrong password for charger {charger.identity!r}.")


def shows_new_password(caller: Caller, charger: Charger) -> bool:
    """Whether the caller logs in with a password that we told it and that it has not confirmed: so it has taken it."""
    return credentials.matches(charger.pending_password_hash, caller.password)


def _unproved(sentence: str) -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, sentence, CHALLENGE)


def _mismatch(charger: Charger, wants: str) -> Refusal:
    return Refusal(
        HTTPStatus.FORBIDDEN,
        f"Charger {charger.identity!r} has security profile {charger.security_profile}: it needs {wants}.",
    )


def _address(scope: dict[str, Any], forwarded: bytes) -> str:
    """Where the call comes from: the peer, or what the last of our `TRUSTED_PROXIES` says it is."""
    hops = forwarded.decode("latin-1").split(",")
    if 0 < settings.TRUSTED_PROXIES <= len(hops) and (named := hops[-settings.TRUSTED_PROXIES].strip()):
        return named[:64]
    return str(scope["client"][0])[:64] if scope.get("client") else ""


def _is_secure(scope: dict[str, Any], forwarded: bytes | None) -> bool:
    """TLS ended here, or at a proxy of ours that says so."""
    if scope.get("scheme") == "wss" or settings.BEHIND_TLS:
        return True
    has_proxy = settings.TRUSTED_PROXIES > 0 or settings.PUBLIC_URL.startswith("https://")
    return has_proxy and (forwarded or b"").strip().lower() in (b"https", b"wss")
