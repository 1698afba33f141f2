"""Keys and certificates for tests over TLS: what a charger holds, good and bad, and the context with which it dials.

A charger under test turns TLS on by `context(trusted=authority.certificate)`, and shows a certificate by
``own=authority.client("CP-1")``.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Held:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        secret: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return (self.certificate.public_bytes(Encoding.PEM) + secret).decode()

    @classmethod
    def read(cls, file: Path) -> Held:
        pem = file.read_bytes()
        return cls(x509.load_pem_x509_certificate(pem), load_pem_private_key(pem, password=None))

    def client(
        self,
        name: str,
        *,
        key: Any = None,
        organization: str = "",
        begins_at: datetime | None = None,
        ends_at: datetime | None = None,
        purpose: Any = ExtendedKeyUsageOID.CLIENT_AUTH,
    ) -> Held:
        """A certificate signed by this authority, for a charger unless ``purpose`` says otherwise."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
        now = datetime.now(UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins_at or now - DAY)
            .not_valid_after(ends_at or now + DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Held(signed, key)

    def expired(self, name: str, *, days_ago: float = 1) -> Held:
        now = datetime.now(UTC)
        return self.client(name, begins_at=now - 400 * DAY, ends_at=now - days_ago * DAY)

    def revocations(self, *revoked: Held) -> str:
        """A list (CRL) of certificates that this authority has taken back."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - DAY).next_update(now + DAY)
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - DAY).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def authority(name: str = "An authority of a test") -> Held:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 500 * DAY)
        .not_valid_after(now + 500 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Held(certificate, key)


def context(
    trusted: x509.Certificate, *, own: Held | None = None, newest: ssl.TLSVersion | None = None, ciphers: str = ""
) -> ssl.SSLContext:
    """A charger's side of TLS: it trusts one authority and shows ``own``; ``ciphers`` are of TLS 1.2."""
    made = ssl.create_default_context(cadata=trusted.public_bytes(Encoding.PEM).decode())
    if newest is not None:
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        made.maximum_version = newest
    if ciphers:
        made.set_ciphers(ciphers)
    if own is not None:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(own.pem)
            file.flush()
            made.load_cert_chain(file.name)
    return made
