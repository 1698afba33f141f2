"""Our own small certificate authority: it signs the keys of our chargers, for security profile 3, and our own for TLS.

Its key and certificate are one PEM file (``CHARGER_CA_FILE``), made at the first need; whoever runs several hosts
shares the file, or puts a key and certificate of a real authority there. Knows X.509, no charger and no OCPP.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_FOR = timedelta(days=397)
AUTHORITY_VALID_FOR = timedelta(days=20 * 365)
SLACK = timedelta(hours=1)  # a charger's clock may be behind ours
SMALLEST_RSA_BITS, SMALLEST_EC_BITS = 2048, 224  # OCPP 2.0.1 part 2, A00.FR.502 and 504
KEY_RULE = f"it must be RSA of {SMALLEST_RSA_BITS} bits or EC of {SMALLEST_EC_BITS}, or longer"
LEAF_USES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
# With an RSA key the suites of OCPP without forward secrecy encrypt by it.
SERVER_USES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=True,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
AUTHORITY_USES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class BadRequest(ValueError):
    """A signing request that we do not sign; the text says why."""


@dataclass(slots=True, frozen=True)
class Issued:
    """A signed certificate. ``chain``: PEM, the charger's own first; ``fingerprint``: SHA-256 of that, hexadecimal."""

    chain: str
    fingerprint: str
    expires_at: datetime


@dataclass(slots=True, frozen=True)
class Authority:
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificate: x509.Certificate

    def sign(
        self, request: x509.CertificateSigningRequest, *, name: str, organization: str = "", at: datetime
    ) -> Issued:
        """A client's certificate for the key of a request that `read_request` has found good.

        Of its subject nothing is taken over: it gets ``name`` (CN) and our ``organization`` (O). Raises BadRequest.
        """
        try:
            subject = _subject(name, organization)
        except ValueError as error:  # X.509 bounds CN and O to 64 bytes, and an identity may have more
            raise BadRequest(f"No certificate can name {name!r} and {organization!r}: {error}.") from error
        return self._issue(
            request.public_key(),
            subject,
            LEAF_USES,
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
            at=at,
        )

    def sign_server(
        self, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, names: list[str], *, organization: str, at: datetime
    ) -> Issued:
        """A server's certificate for host names and IP addresses, the first of them its CN."""
        return self._issue(
            key,
            _subject(names[0][:64], organization),
            SERVER_USES if isinstance(key, rsa.RSAPublicKey) else LEAF_USES,
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.SubjectAlternativeName([_host(name) for name in names]),
            at=at,
        )

    @property
    def pem(self) -> str:
        """The certificate of the authority, for whoever is to trust it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _issue(
        self, key: Any, subject: x509.Name, uses: x509.KeyUsage, *extensions: x509.ExtensionType, at: datetime
    ) -> Issued:
        expires_at = min(at + VALID_FOR, self.certificate.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - SLACK)
            .not_valid_after(expires_at)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(uses, critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        is_root = self.certificate.issuer == self.certificate.subject
        chain = [signed] if is_root else [signed, self.certificate]
        pem = "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in chain)
        return Issued(pem, signed.fingerprint(hashes.SHA256()).hex(), expires_at)


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """A signing request in PEM, proven to come from the holder of its key, which is strong. Raises BadRequest."""
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        key, is_proven = request.public_key(), request.is_signature_valid
    except Exception as error:  # the parser has its own exceptions beside ValueError
        raise BadRequest(f"The signing request cannot be read: {error}") from error
    if not is_proven:
        raise BadRequest("The signing request is not signed by the key that it names.")
    if not is_long_enough(key):
        raise BadRequest(f"The key is too short; {KEY_RULE}.")
    return request


def is_long_enough(key: object) -> bool:
    match key:
        case rsa.RSAPublicKey():
            return key.key_size >= SMALLEST_RSA_BITS
        case ec.EllipticCurvePublicKey():
            return key.key_size >= SMALLEST_EC_BITS
    return False


def names_in(request: x509.CertificateSigningRequest) -> list[str]:
    """All CN of a request."""
    return [str(name.value) for name in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _subject(name: str, organization: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@cache
def load(file: Path) -> Authority:
    """The authority in a PEM file, made if it is not there; read once per process."""
    if not file.exists():
        _make(file)
    pem = file.read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError(f"The key in {file} is neither RSA nor EC.")
    return Authority(key, x509.load_pem_x509_certificate(pem))


def _make(file: Path) -> None:
    """Write a new authority; if another process was faster, its own stands."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Chargeyard chargers")])
    begin = datetime.now().astimezone() - SLACK
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + AUTHORITY_VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(AUTHORITY_USES, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(pem)
    try:
        os.link(draft, file)  # all of it or nothing, and never over another's
    except FileExistsError:
        pass
    finally:
        draft.unlink()
