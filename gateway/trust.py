"""Whose signature under a charger's certificate we believe: our own authority, and those of ``TLS_CLIENT_CA``.

Knows X.509, no socket and no charger. A file may hold revocation lists (CRL) beside its certificates: who stands in one
is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings
from OpenSSL import crypto

from chargers import authority

HAS_EXPIRED = 10  # OpenSSL's number for it (x509_vfy.h)
CRL = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Authorities:
    """``revoked``: issuer and serial number of what they took back."""

    certificates: tuple[x509.Certificate, ...]
    revoked: frozenset[tuple[x509.Name, int]]

    @classmethod
    def read(cls, files: Iterable[Path]) -> Authorities:
        """Raises ValueError naming the file, or OSError."""
        certificates: list[x509.Certificate] = []
        lists: list[x509.CertificateRevocationList] = []
        for file in files:
            pem = file.read_bytes()
            try:
                certificates += x509.load_pem_x509_certificates(pem)
                lists += [x509.load_pem_x509_crl(found) for found in CRL.findall(pem)]
            except ValueError as error:
                raise ValueError(f"{file} holds no certificate in PEM ({error}).") from error
        for each in lists:
            if not any(_has_signed(certificate, each) for certificate in certificates):
                raise ValueError(f"The revocation list of {each.issuer.rfc4514_string()!r} is not signed by it.")
        return cls(
            tuple(certificates), frozenset((each.issuer, entry.serial_number) for each in lists for entry in each)
        )

    def fill(self, store: Any) -> None:
        """Put them into an OpenSSL store. An authority that is no root is believed as well."""
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        for certificate in self.certificates:
            store.add_cert(crypto.X509.from_cryptography(certificate))

    def has_revoked(self, certificate: x509.Certificate) -> bool:
        """By a list that we were given, however old: what was taken back stays so. OpenSSL is not asked, for it wants a
        fresh list of every authority or of none."""
        return (certificate.issuer, certificate.serial_number) in self.revoked

    def objection(self, chain: list[x509.Certificate]) -> str:
        """Why the first certificate of ``chain`` is not to be believed, "" if it is.

        For what a proxy hands over; at our own door OpenSSL asks the same questions during the handshake.
        """
        leaf = chain[0]
        if not may_prove_a_client(leaf):
            return "its key usage is not that of a client"
        if self.has_revoked(leaf):
            return "it was revoked"
        store = crypto.X509Store()
        self.fill(store)
        if is_tolerably_expired(leaf, datetime.now(UTC)):
            store.set_time(leaf.not_valid_after_utc - timedelta(seconds=1))
        others = [crypto.X509.from_cryptography(each) for each in chain[1:]]
        try:
            crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), others).verify_certificate()
        except crypto.X509StoreContextError as error:
            return str(error)
        return ""


def _has_signed(certificate: x509.Certificate, revocations: x509.CertificateRevocationList) -> bool:
    key = certificate.public_key()
    return (
        certificate.subject == revocations.issuer
        and isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        and revocations.is_signature_valid(key)
    )


def files() -> tuple[Path, ...]:
    """Where the authorities stand; our own is made if it is not there."""
    authority.load(settings.CHARGER_CA_FILE)
    return (settings.CHARGER_CA_FILE, *map(Path, settings.TLS_CLIENT_CA))


def state() -> tuple[tuple[Path, ...], tuple[tuple[int, int], ...]]:
    """The files, and a value that changes when one of them is replaced."""
    found = files()
    return found, changed_at(found)


def changed_at(paths: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """Raises OSError."""
    stats = [path.stat() for path in paths]
    return tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)


def is_tolerably_expired(certificate: x509.Certificate, at: datetime) -> bool:
    """Whether it is over, for no longer than ``EXPIRED_CERTIFICATE_DAYS``."""
    end = certificate.not_valid_after_utc
    return end < at <= end + timedelta(days=settings.EXPIRED_CERTIFICATE_DAYS)


def may_prove_a_client(certificate: x509.Certificate) -> bool:
    """Whether its (extended) key usage lets it, as OpenSSL judges in a handshake."""
    try:
        extensions = certificate.extensions
    except ValueError:
        return False
    uses = _extension(extensions, x509.KeyUsage)
    purposes = _extension(extensions, x509.ExtendedKeyUsage)
    return (uses is None or uses.digital_signature or uses.key_agreement) and (
        purposes is None or ExtendedKeyUsageOID.CLIENT_AUTH in purposes
    )


def _extension(extensions: x509.Extensions, kind: Any) -> Any:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
