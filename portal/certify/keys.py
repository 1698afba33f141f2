"""Keys, signing requests and certificates of the stations in cases."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from portal.certify.wire import Payload


def named(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


class Key:
    """A key pair of a station."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def request(self, name: str) -> str:
        """A certificate signing request in PEM."""
        request = x509.CertificateSigningRequestBuilder().subject_name(named(name)).sign(self._key, SHA256())
        return request.public_bytes(Encoding.PEM).decode()

    def certificate(self, name: str) -> str:
        """A certificate in PEM that nobody but itself vouches for."""
        at = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(name))
        builder = builder.public_key(self._key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(at - timedelta(days=1)).not_valid_after(at + timedelta(days=30))
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()

    @property
    def pem(self) -> str:
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def fits(self, chain: str) -> bool:
        """Whether the first certificate of a chain is for this key."""
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        return leaf.public_key() == self._key.public_key()


@cache
def root(name: str) -> str:
    """A root certificate in PEM; the same one for the same name."""
    return Key().certificate(name)


def hash_data(pem: str) -> Payload:
    """certificateHashData of a root (RFC 6960 CertID)."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    key = certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": hashlib.sha256(key).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def in_order(pem: str) -> Payload:
    """The arguments by which an order names a certificate."""
    told = hash_data(pem)
    return {
        "hash_algorithm": told["hashAlgorithm"],
        "issuer_name_hash": told["issuerNameHash"],
        "issuer_key_hash": told["issuerKeyHash"],
        "serial_number": told["serialNumber"],
    }
