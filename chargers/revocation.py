"""Whether a certificate was revoked, as the OCSP responder says that it names itself (RFC 6960). Knows no OCPP words.

A responder is somebody outside: only hosts of ``OCSP_HOSTS`` are asked, with limits of time and size, and what they say
is kept until it ends (their ``nextUpdate``), a failure for a minute. What is said is *proven* if its signature leads to
the issuer whose key was named; what is not, anybody on the way may have said, so it is kept for an hour at most. Ask
outside of transactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, Hash, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings
from django.utils import timezone

from chargers import outward
from chargers.certificates import Hashes, key_bytes
from chargers.models import RevocationAnswer
from chargers.outward import Hosts
from chargers.rows import digest

log = structlog.get_logger(__name__)

PATIENCE_S = 6.0
LONGEST_RESPONSE = 13_500  # bytes; OCPP's longest field for it holds 18,000 characters of base64
FAILURE_LASTS = timedelta(minutes=1)
# Without nextUpdate newer information is there at any time (RFC 6960 §2.4).
UNTIL_TOLD = timedelta(minutes=5)
UNPROVEN_LASTS = timedelta(hours=1)
CLOCKS_DIFFER = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(days=1)
ALGORITHMS: dict[str, HashAlgorithm] = {"SHA256": SHA256(), "SHA384": SHA384(), "SHA512": SHA512()}
HEADERS = {
    "Content-Type": "application/ocsp-request",
    "Accept": "application/ocsp-response",
    "User-Agent": "Chargeyard",
}

Status = RevocationAnswer.Status
STATUS = {
    ocsp.OCSPCertStatus.GOOD: Status.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Status.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Status.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a responder said of a certificate; ``response`` is its own text (DER), empty where it failed."""

    status: Status
    ends_at: datetime
    response: bytes = b""
    is_proven: bool = False


class Unusable(ValueError):
    """A question that nobody can be asked, or an answer that says nothing of it."""


def may_ask() -> bool:
    return bool(settings.OCSP_HOSTS)


def ask(hashes: Hashes, url: str, *, at: datetime, within_s: float = PATIENCE_S) -> Said:
    """What the responder at ``url`` says, or has said lately. Never raises for what is wrong outside."""
    key = digest("ocsp", url, *_name(hashes))
    kept = RevocationAnswer.objects.filter(digest=key, ends_at__gt=at).first()
    if kept is not None:
        return Said(Status(kept.status), kept.ends_at, bytes(kept.response), kept.is_proven)
    try:
        said = read(_fetch(hashes, url, within_s), hashes, at=timezone.now())
    except (Unusable, outward.Forbidden, OSError) as error:
        log.warning("ocsp_failed", url=url[:200], error=str(error)[:300])
        said = Said(Status.FAILED, at + FAILURE_LASTS)
    columns = {"status": said.status, "ends_at": said.ends_at, "response": said.response, "is_proven": said.is_proven}
    RevocationAnswer.objects.update_or_create(digest=key, defaults=columns)
    return said


def read(response: bytes, hashes: Hashes, *, at: datetime) -> Said:
    """What a response (DER) says of a certificate. Raises Unusable."""
    try:
        return _read(response, hashes, at)
    except Unusable:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # its parts are read as they are asked for
        raise Unusable(f"That is no OCSP response: {error}") from error


def _read(response: bytes, hashes: Hashes, at: datetime) -> Said:
    told = ocsp.load_der_ocsp_response(response)
    if told.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise Unusable(f"The responder answered {told.response_status.name}.")
    ours = [one for one in told.responses if _is_about(one, hashes)]
    if not ours:
        raise Unusable("The response is about another certificate.")
    ends_at = ours[0].next_update_utc or at + UNTIL_TOLD
    if ours[0].this_update_utc > at + CLOCKS_DIFFER or ends_at <= at:
        raise Unusable(f"The response holds from {ours[0].this_update_utc} to {ends_at}; it is {at}.")
    is_proven = _is_proven(told, hashes, at)
    ends_at = ends_at if is_proven else min(ends_at, at + UNPROVEN_LASTS)
    return Said(STATUS[ours[0].certificate_status], ends_at, response, is_proven)


def forget(*, before: datetime) -> int:
    """Delete what has ended; how many answers that were."""
    return RevocationAnswer.objects.filter(ends_at__lt=before - FORGOTTEN_AFTER).delete()[0]


def _fetch(hashes: Hashes, url: str, within_s: float) -> bytes:
    """Raises Unusable, outward.Forbidden or OSError."""
    hosts = Hosts(settings.OCSP_HOSTS, "OCSP_HOSTS", may_be_plain=True)
    status, body = outward.post(url, question(hashes), HEADERS, hosts, longest=LONGEST_RESPONSE + 1, within_s=within_s)
    if status != 200:
        raise Unusable(f"The responder answered {status}.")
    if len(body) > LONGEST_RESPONSE:
        raise Unusable(f"The response is longer than {LONGEST_RESPONSE} bytes.")
    return body


def question(hashes: Hashes) -> bytes:
    """The request (DER). Raises Unusable."""
    try:
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            bytes.fromhex(hashes.issuer_name_hash),
            bytes.fromhex(hashes.issuer_key_hash),
            int(hashes.serial_number, 16),
            ALGORITHMS[hashes.hash_algorithm],
        )
        return builder.build().public_bytes(Encoding.DER)
    except (ValueError, KeyError) as error:
        raise Unusable(f"The certificate is not named as RFC 6960 names one: {error}") from error


def _name(hashes: Hashes) -> tuple[str, ...]:
    """However it is written: hexadecimal digits of either case, a serial number with or without zeros before it."""
    digits = (hashes.issuer_name_hash, hashes.issuer_key_hash, hashes.serial_number.lstrip("0"))
    return hashes.hash_algorithm, *(each.casefold() for each in digits)


def _is_about(one: ocsp.OCSPSingleResponse, hashes: Hashes) -> bool:
    algorithm = type(one.hash_algorithm).__name__  # as OCPP and Python have them: SHA256 …
    told = Hashes(algorithm, one.issuer_name_hash.hex(), one.issuer_key_hash.hex(), f"{one.serial_number:x}")
    return _name(told) == _name(hashes)


# -- whose word it is --------------------------------------------------------------------------------------------------


def _is_proven(told: ocsp.OCSPResponse, hashes: Hashes, at: datetime) -> bool:
    """Signed by the issuer that was named, or by one whom that issuer lets sign for it (RFC 6960 §4.2.2.2).

    The hash of its key tells which certificate is the issuer's, so it may even come with the response.
    """
    issuers = [each for each in (*told.certificates, *_known_issuers()) if _is_issuer(each, hashes)]
    return any(
        _signed(told, issuer) or any(_signed(told, each) for each in told.certificates if _may_sign(each, issuer, at))
        for issuer in issuers
    )


def _known_issuers() -> list[x509.Certificate]:
    path = settings.OCSP_ISSUERS
    if not path:
        return []
    try:
        return _certificates(Path(path), Path(path).stat().st_mtime)
    except (OSError, ValueError):
        log.exception("ocsp_issuers_unreadable", path=path)
        return []


@cache
def _certificates(path: Path, _changed_at: float) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def _is_issuer(certificate: x509.Certificate, hashes: Hashes) -> bool:
    algorithm = ALGORITHMS[hashes.hash_algorithm]
    named = (_hash(algorithm, certificate.subject.public_bytes()), _hash(algorithm, key_bytes(certificate)))
    return named == (hashes.issuer_name_hash.casefold(), hashes.issuer_key_hash.casefold())


def _hash(algorithm: HashAlgorithm, data: bytes) -> str:
    hashing = Hash(algorithm)
    hashing.update(data)
    return hashing.finalize().hex()


def _may_sign(delegate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
    if not delegate.not_valid_before_utc <= at <= delegate.not_valid_after_utc:
        return False
    try:
        usages = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        delegate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usages


def _signed(told: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, algorithm = signer.public_key(), told.signature_hash_algorithm
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
            key.verify(told.signature, told.tbs_response_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(told.signature, told.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(told.signature, told.tbs_response_bytes)
        else:
            return False
    except InvalidSignature:
        return False
    return True
