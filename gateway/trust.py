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
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings
from OpenSSL import crypto

from chargers import authority

# OpenSSL's numbers (x509_vfy.h).
UNABLE_TO_GET_CRL = 3
HAS_EXPIRED = 10
CRL_HAS_EXPIRED = 12

CRL = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Authorities:
    certificates: tuple[x509.Certificate, ...]
    revocations: tuple[x509.CertificateRevocationList, ...]

    @classmethod
    def read(cls, files: Iterable[Path]) -> Authorities:
        """Raises ValueError naming the file, or OSError."""
        certificates: list[x509.Certificate] = []
        revocations: list[x509.CertificateRevocationList] = []
        for file in files:
            pem = file.read_bytes()
            try:
                certificates += x509.load_pem_x509_certificates(pem)
                revocations += [x509.load_pem_x509_crl(found) for found in CRL.findall(pem)]
            except ValueError as error:
                raise ValueError(f"{file} holds no certificate in PEM ({error}).") from error
        return cls(tuple(certificates), tuple(revocations))

    def fill(self, store: Any) -> None:
        """Put them into an OpenSSL store. An authority that is no root is believed as well."""
        store.set_flags(
            crypto.X509StoreFlags.PARTIAL_CHAIN | (crypto.X509StoreFlags.CRL_CHECK if self.revocations else 0)
        )
        for certificate in self.certificates:
            store.add_cert(crypto.X509.from_cryptography(certificate))
        for revocations in self.revocations:
            store.add_crl(revocations)

    def objection(self, chain: list[x509.Certificate]) -> str:
        """Why the first certificate of ``chain`` is not to be believed, "" if it is.

        For what a proxy hands over; at our own door OpenSSL asks the same questions during the handshake.
        """
        leaf = chain[0]
        if not may_prove_a_client(leaf):
            return "its key usage is not that of a client"
        store = crypto.X509Store()
        self.fill(store)
        if is_tolerably_expired(leaf, datetime.now(UTC)):
            store.set_time(leaf.not_valid_after_utc - timedelta(seconds=1))
        others = [crypto.X509.from_cryptography(each) for each in chain[1:]]
        try:
            crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), others).verify_certificate()
        except crypto.X509StoreContextError as error:
            if error.args[0][0] != UNABLE_TO_GET_CRL:
                return str(error)
        return ""


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
