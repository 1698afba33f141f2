"""Answers for plug and charge in a yard that is certified: vouches for all contracts but one, and signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from portal.certify.keys import named

EXI = "ZXhpIHJlc3BvbnNl"
OCSP = "b2NzcCByZXNwb25zZQ=="
REVOKED = "dead"  # serial number


class Provider:
    def ev_certificate(self, *, schema_version: str, action: str, exi_request: str) -> str | None:
        return EXI

    def certificate_status(self, *, ocsp_request: dict[str, Any]) -> str | None:
        return OCSP

    def contract_status(self, *, emaid: str, hashes: list[dict[str, Any]], certificate: str) -> str | None:
        is_revoked = any(each["serialNumber"] == REVOKED for each in hashes)
        return "CertificateRevoked" if is_revoked else "Accepted"

    def station_certificate(self, csr: str) -> str | None:
        request, at = x509.load_pem_x509_csr(csr.encode()), datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(named("V2G sub CA"))
        builder = builder.public_key(request.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(at - timedelta(hours=1)).not_valid_after(at + timedelta(days=90))
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())
