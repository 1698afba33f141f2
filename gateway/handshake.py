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

from cryptography.exceptions import UnsupportedAlgorithm

from chargers import client_certificates, credentials
from chargers.client_certificates import Shown
from chargers.models import Charger, SecurityProfile, fold
from chargers.registration import flaw
from gateway import proxy

# What we speak. The client's order decides which one it is.
SUBPROTOCOLS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
CHALLENGE = ("WWW-Authenticate", 'Basic realm="Chargeyard", charset="UTF-8"')


def jitter_s(least: int, most: int) -> int:
    """Seconds, spread: whoever is sent away together must not come back together."""
    return random.randint(least, most)  # noqa: S311 - no secret


class Refusal(Exception):
    """No upgrade: an HTTP status, a sentence for the installer's log, and headers.

    ``event``: the kind of security event that it is for the operator, "" if it is none.
    """

    event = ""

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
    subprotocol: str  # of those that it offers, the first that we speak; "": none, see `spoken`
    address: str
    is_secure: bool  # came by TLS
    user: str | None  # of Basic authentication; None: none offered
    password: bytes
    certificate: Shown | None = None  # signed by an authority that we trust
    offered: tuple[str, ...] = ()

    @property
    def answered(self) -> str | None:
        """The subprotocol in our answer: WebSocket clients take only one that they named, or none."""
        return self.subprotocol or next(iter(self.offered), None)


@dataclass(frozen=True, slots=True)
class Proof:
    """How a caller has proved to be its charger: the profile that this is, and which hash its password matched."""

    profile: SecurityProfile
    password_hash: str = ""


def read(scope: dict[str, Any]) -> Caller:
    """Who calls, from an ASGI WebSocket scope. Raises Refusal (400, 403, 404) for what cannot be a charger of ours."""
    offered = offers([value for name, value in scope["headers"] if name == b"sec-websocket-protocol"])
    headers = dict(reversed(scope["headers"]))  # the first of a name counts
    identity = identity_in(scope.get("raw_path") or scope["path"].encode())
    user, password = basic_credentials(headers.get(b"authorization"))
    return Caller(
        identity,
        next((name for name in offered if name in SUBPROTOCOLS), ""),
        # Some proxies add a line of their own instead of adding to the caller's.
        proxy.address(scope, b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")),
        proxy.is_secure(scope, headers),
        user,
        password,
        _certificate(scope, headers),
        offered,
    )


def _certificate(scope: dict[str, Any], headers: proxy.Headers) -> Shown | None:
    try:
        certificate = proxy.certificate(scope, headers)
        return client_certificates.read(certificate) if certificate is not None else None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refusal(HTTPStatus.FORBIDDEN, f"The client certificate is refused: {error}.") from error


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


def offers(headers: list[bytes]) -> tuple[str, ...]:
    """The subprotocols that a caller names, in its order."""
    return tuple(name.strip() for name in b",".join(headers).decode("latin-1").split(",") if name.strip())


def spoken(caller: Caller, charger: Charger | None) -> str:
    """What is spoken on this line: the first one offered that we speak, to the letter (OCPP-J 3.1.2, TC_B_58).

    A charger for which staff have said so may leave the header away, or spell it as "OCPP1.6" or "ocpp1.6j".
    Raises Refusal.
    """
    if caller.subprotocol:
        return caller.subprotocol
    is_slip = not caller.offered or any(name.casefold().startswith("ocpp") for name in caller.offered)
    if is_slip and charger is not None and charger.assumed_subprotocol and not charger.is_strict:
        return charger.assumed_subprotocol
    what = f"offered {list(caller.offered[:8])}" if caller.offered else "no Sec-WebSocket-Protocol header came"
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


def judge(caller: Caller, charger: Charger) -> Proof:
    """How the caller proves to be this charger, at least as its security profile wants it. Raises Refusal (401, 403).

    More than it wants is welcome: that is how a charger comes back once it was told to use a higher profile.
    """
    needed = charger.security_profile
    if (proof := _by_certificate(caller, charger, is_needed=needed == SecurityProfile.CERTIFICATE)) is not None:
        return proof
    if needed == SecurityProfile.NONE:
        return Proof(SecurityProfile.NONE)
    if needed == SecurityProfile.TLS and not caller.is_secure:
        raise _mismatch(charger, "TLS, and it came by plain ws://; use wss://")
    if caller.user is None:
        raise _unproved(f"Charger {charger.identity!r} has to log in: user name {charger.identity!r} and its password.")
    # Some firmwares send no name, only a password: the URL says whose it has to be.
    is_nameless = caller.user == "" and not charger.is_strict
    if not is_nameless and fold(caller.user) != charger.identity_folded:
        raise _unproved(f"User {caller.user[:128]!r} is not the identity in the URL, {caller.identity!r}.")
    # What it has now, then what it was told: the latter it may have taken without our hearing so.
    for password_hash in (charger.password_hash, *credentials.pending(charger)):
        if credentials.matches(password_hash, caller.password):
            return Proof(SecurityProfile.TLS if caller.is_secure else SecurityProfile.BASIC, password_hash)
    raise _unproved(f"Wrong password for charger {charger.identity!r}.")


def slips(caller: Caller, proof: Proof) -> list[str]:
    """What was wrong with the handshake of a caller that came in all the same, for the page *Protocol*."""
    found = []
    if not caller.subprotocol:
        offered = ", ".join(map(repr, caller.offered)) or "no subprotocol"
        found.append(f"It offers {offered}; what it speaks is assumed.")
    if caller.user == "" and proof.password_hash:
        found.append("Its user name is empty; the identity in the URL counts.")
    return found


def _by_certificate(caller: Caller, charger: Charger, *, is_needed: bool) -> Proof | None:
    """Chargers that log in by password may show a certificate of their maker beside it: that one is nobody's proof."""
    shown = caller.certificate
    if shown is None:
        if is_needed:
            raise _mismatch(charger, "a client certificate, and it showed none")
        return None
    if not client_certificates.is_of(shown, charger):
        if is_needed:
            raise _bad_certificate(charger, f"{shown.name[:64]!r} is neither its identity nor its serial number")
        return None
    if wrong := client_certificates.flaw(shown):
        if is_needed:
            raise _bad_certificate(charger, wrong)
        return None
    return Proof(SecurityProfile.CERTIFICATE)


def _unproved(sentence: str) -> Refusal:
    refusal = Refusal(HTTPStatus.UNAUTHORIZED, sentence, CHALLENGE)
    refusal.event = "LoginFailed"
    return refusal


def _mismatch(charger: Charger, wants: str) -> Refusal:
    refusal = Refusal(
        HTTPStatus.FORBIDDEN,
        f"Charger {charger.identity!r} has security profile {charger.security_profile}: it needs {wants}.",
    )
    refusal.event = "SecurityProfileMismatch"
    return refusal


def _bad_certificate(charger: Charger, why: str) -> Refusal:
    refusal = Refusal(HTTPStatus.FORBIDDEN, f"The certificate of charger {charger.identity!r} is refused: {why}.")
    refusal.event = "CertificateRefused"
    return refusal


def revoked(charger: Charger) -> Refusal:
    return _bad_certificate(charger, "it was revoked")
