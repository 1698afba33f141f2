"""TLS at our own door: the certificates that we show, those that chargers may show, and what the application is told.

RSA and ECDSA side by side, TLS 1.2 and 1.3, the cipher suites of OCPP 2.0.1 part 2 A00, no compression, no resumption
(a resumed session would not ask for the certificate again). A client certificate is asked for and may be left out: the
charger's security profile decides later. One that is shown and wrong ends the handshake with an alert.
"""

# ruff: noqa: N802, N803 - Twisted names the methods

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import connectionDone
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.trust import HAS_EXPIRED, Authorities, changed_at, is_tolerably_expired

# Of TLS 1.2; all suites of 1.3 are good. The two pairs that OCPP 2.0.1 demands (A00.FR.317), and between them the one
# with forward secrecy for our RSA certificate.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
    b"AES128-GCM-SHA256:AES256-GCM-SHA384"
)
OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET
VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
WARN_DAYS = 21
FAREWELL_S = 10.0  # for a peer to say goodbye as well; who does not would keep its connection for ever

log = structlog.get_logger(__name__)

Refused = Callable[[str, str, str], None]  # common name, address, why


class Unusable(ValueError):
    """Certificates that cannot be served; the text names the file and the way out."""


@dataclass(frozen=True, slots=True)
class Files:
    """``keys`` in the order of ``certificates``; empty: each key stands in its certificate's file."""

    certificates: tuple[Path, ...]
    keys: tuple[Path, ...]
    authorities: tuple[Path, ...]

    def changed_at(self) -> tuple[tuple[int, int], ...]:
        """When and how: another value means that a file was replaced. Raises OSError."""
        return changed_at((*self.certificates, *self.keys, *self.authorities))

    def pairs(self) -> list[tuple[Path, Path]]:
        """Raises Unusable."""
        if not self.certificates:
            raise Unusable(
                "there is no certificate. Name its PEM file in TLS_CERTIFICATE, or have one made by our own "
                "authority: python3 manage.py create_tls_certificate csms.example"
            )
        if self.keys and len(self.keys) != len(self.certificates):
            raise Unusable(
                f"TLS_KEY names {len(self.keys)} files and TLS_CERTIFICATE {len(self.certificates)}; each certificate "
                "has one key, in the same order. Or put each key into its certificate's file and unset TLS_KEY."
            )
        return list(zip(self.certificates, self.keys or self.certificates, strict=True))


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """What we show and accept, as the files have it now. ``refused`` hears of client certificates that we did not."""

    def __init__(self, files: Files, refused: Refused = lambda name, address, why: None) -> None:
        """Raises Unusable."""
        self.files = files
        self.refused = refused
        self._changed_at = self._when_changed()
        self._context = self._load()
        self._complaint = ""

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        return connection

    def renew(self) -> bool:
        """Load the files again if one of them was replaced; connections that exist keep what they have."""
        try:
            now = self._when_changed()
            if now == self._changed_at:
                return False
            self._context = self._load()
        except Unusable as error:
            if str(error) != self._complaint:  # once, not every few seconds
                log.error("new_tls_certificates_unusable", error=str(error))  # noqa: TRY400 - a sentence; the old stay
            self._complaint = str(error)
            return False
        self._changed_at, self._complaint = now, ""
        log.info("TLS certificates loaded again", files=[str(path) for path in self.files.certificates])
        return True

    def _when_changed(self) -> tuple[tuple[int, int], ...]:
        try:
            return self.files.changed_at()
        except OSError as error:
            raise Unusable(f"{error.filename} cannot be read ({error.strerror}).") from error

    def _load(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(OPTIONS)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 30 KiB less for a charger that is quiet
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(CIPHERS)
        for certificate, key in self.files.pairs():
            _show(context, certificate, key)
        try:
            authorities = Authorities.read(self.files.authorities)
        except (OSError, ValueError) as error:
            raise Unusable(f"A file of TLS_CLIENT_CA or CHARGER_CA_FILE cannot be used: {error}") from error
        self._authorities = authorities
        authorities.fill(context.get_cert_store())
        # A charger with several certificates chooses by these names, and a browser without one does not ask its user.
        for each in authorities.certificates:
            context.add_client_ca(each)
        context.set_verify(SSL.VERIFY_PEER, self._judge)
        return context

    def _judge(self, connection: Any, shown: crypto.X509, error: int, depth: int, is_good: int) -> bool:
        """OpenSSL asks for each certificate of a chain, from the authority down. Whatever is raised here is a no."""
        certificate = shown.to_cryptography()
        is_revoked = depth == 0 and self._authorities.has_revoked(certificate)
        is_late = depth == 0 and error == HAS_EXPIRED and is_tolerably_expired(certificate, datetime.now(UTC))
        if (is_good or is_late) and not is_revoked:
            return True
        peer = connection.get_app_data().transport.getPeer()
        why = "it was revoked" if is_revoked else WHY.get(error, f"OpenSSL's error {error}")
        log.warning(
            "client certificate refused", subject=certificate.subject.rfc4514_string(), why=why, address=peer.host
        )
        if depth == 0:
            self.refused(_common_name(certificate), str(peer.host), why)
        return False


class Transport(BufferingTLSTransport):
    """Says which handshakes failed: a charger that cannot do TLS shows nowhere else. Ends who does not say goodbye."""

    _farewell: Any = None

    def loseConnection(self) -> None:
        super().loseConnection()
        if self._farewell is None and self.connected:
            transport: Any = self.transport
            clock: Any = self.factory._clock  # noqa: SLF001
            self._farewell = clock.callLater(FAREWELL_S, transport.loseConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._farewell is not None and self._farewell.active():
            self._farewell.cancel()
        if not self._handshakeDone and reason.check(SSL.Error):
            transport: Any = self.transport
            error: Any = reason.value
            faults = ", ".join(str(fault[-1]) for fault in error.args[0]) if error.args else "no reason"
            log.info("TLS handshake failed", address=transport.getPeer().host, why=faults)
        super().connectionLost(reason)


class Factory(TLSMemoryBIOFactory):
    protocol = Transport

    def __init__(self, certificates: Any, wrapped: Any) -> None:
        super().__init__(certificates, False, wrapped)


def raw(transport: Any) -> Any:
    """The TCP transport below, which has a socket."""
    return transport.transport if isinstance(transport, BufferingTLSTransport) else transport


def extension(transport: Any) -> dict[str, Any] | None:
    """What the application is told of the TLS of a connection, as ASGI's TLS extension has it; None without TLS."""
    if not isinstance(transport, BufferingTLSTransport):
        return None
    connection = transport.getHandle()
    # On the server's side OpenSSL's chain is what came beside the certificate itself.
    leaf = connection.get_peer_certificate(as_cryptography=True)
    chain = [leaf, *(connection.get_peer_cert_chain(as_cryptography=True) or [])] if leaf else []
    return {
        "server_cert": None,
        "client_cert_chain": [each.public_bytes(Encoding.PEM).decode() for each in chain],
        "client_cert_name": chain[0].subject.rfc4514_string() if chain else None,
        "client_cert_error": None,
        "tls_version": VERSIONS.get(connection.get_protocol_version_name()),
        "cipher_suite": None,  # ASGI wants its number, OpenSSL tells its name
    }


def _show(context: SSL.Context, certificate: Path, key: Path) -> None:
    """Raises Unusable."""
    try:
        leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        private: Any = load_pem_private_key(key.read_bytes(), password=None)
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey(private)
        context.check_privatekey()
    except OSError as error:
        raise Unusable(f"{error.filename} cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError) as error:
        raise Unusable(f"{certificate} and {key} must hold a certificate and its key in PEM: {error}") from error
    except SSL.Error as error:
        raise Unusable(f"The key in {key} is not that of the certificate in {certificate}.") from error
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    if left.days < WARN_DAYS:
        log.warning("our TLS certificate ends soon", file=str(certificate), days_left=left.days)


# OpenSSL's numbers of what is wrong with a certificate (x509_vfy.h).
WHY = {
    2: "its issuer is none that we trust",
    7: "its signature is wrong",
    9: "it is not valid yet",
    HAS_EXPIRED: "it has expired",
    18: "it is self-signed",
    19: "its issuer is none that we trust",
    20: "its issuer is none that we trust",
    21: "its issuer is none that we trust",
    24: "its issuer is no authority",
    26: "its key usage is not that of a client",
    66: "its key is too short",
    67: "the key of its issuer is too short",
    68: "its signature uses a weak digest",
}


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
