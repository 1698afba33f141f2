"""Certificates in chargers: those they hold, and those that we sign for them. Knows no OCPP words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from chargers import authority, commands
from chargers.authority import BadRequest, Issued
from chargers.models import CertificateRequest, Charger, Command, InstalledCertificate, fold
from chargers.rows import clip, digest
from chargers.security import record_event

Kind = InstalledCertificate.Kind


@dataclass(slots=True, frozen=True)
class Hashes:
    """How a certificate is named on the wire (RFC 6960 CertID): hashes of its issuer, and its number in hexadecimal."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


def hashes_of_root(pem: str) -> Hashes | None:
    """The name of a self-issued certificate by SHA-256; None for any other, whose issuer's key it does not hold."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return None
    if certificate.issuer != certificate.subject:
        return None
    return Hashes(
        "SHA256",
        hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
        hashlib.sha256(_key_bytes(certificate)).hexdigest(),
        f"{certificate.serial_number:x}",
    )


def _key_bytes(certificate: x509.Certificate) -> bytes:
    """What RFC 6960 hashes of a key: the BIT STRING of its SubjectPublicKeyInfo without tag, length and padding."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes_raw() if isinstance(key, ed25519.Ed25519PublicKey) else b""


# -- what it holds ---------------------------------------------------------------------------------------------------


@transaction.atomic
def told(charger: Charger, held: Iterable[tuple[Kind, Hashes]], *, of_kinds: Collection[Kind], at: datetime) -> None:
    """All certificates of these kinds (none given: of all) that a charger holds; what we knew beside them is gone."""
    known = InstalledCertificate.objects.filter(charger=charger)
    (known.filter(kind__in=of_kinds) if of_kinds else known).delete()
    rows = {entry: _row(charger, *entry, at) for entry in held}
    InstalledCertificate.objects.bulk_create(rows.values(), ignore_conflicts=True)


def installed(charger: Charger, kind: Kind, pem: str, *, at: datetime) -> None:
    """A charger took a certificate; noted if it can be told by what name it will report it."""
    if hashes := hashes_of_root(pem):
        InstalledCertificate.objects.bulk_create([_row(charger, kind, hashes, at)], ignore_conflicts=True)


def gone(charger: Charger, hashes: Hashes) -> int:
    """A charger does not hold this certificate (any more); how many entries that were."""
    number = hashes.serial_number.lstrip("0")
    same = InstalledCertificate.objects.filter(
        charger=charger,
        hash_algorithm=hashes.hash_algorithm,
        issuer_name_hash__iexact=hashes.issuer_name_hash,
        issuer_key_hash__iexact=hashes.issuer_key_hash,
    )
    found = [row.pk for row in same if row.serial_number.lstrip("0").casefold() == number.casefold()]
    return InstalledCertificate.objects.filter(pk__in=found).delete()[0]


def _row(charger: Charger, kind: Kind, hashes: Hashes, at: datetime) -> InstalledCertificate:
    columns = {name: clip(InstalledCertificate, name, value) for name, value in asdict(hashes).items()}
    return InstalledCertificate(charger=charger, kind=kind, reported_at=at, **columns)


# -- what we sign ----------------------------------------------------------------------------------------------------


def sign(
    charger: Charger, pem: str, *, use: str = "station", issue: Callable[[str], str | None] | None = None, at: datetime
) -> bool:
    """Sign a charger's key and order the certificate to be sent to it; False, with a security event, if we do not.

    ``issue``: another authority, that makes a chain of a request (both PEM) or says None; ``use``: told with the order.

    Chargers repeat a request until they have the certificate: the same request gives the same certificate, sent again
    only if it is not on its way. A name that is not the charger's own is not signed: it would open another's door.
    """
    key = digest("signing request", "".join(pem.split()))
    known = CertificateRequest.objects.select_related("command").filter(charger=charger, digest=key).first()
    if known is None:
        try:
            issued = _issue(charger, pem, at=at) if issue is None else _issued_elsewhere(pem, issue)
            known = CertificateRequest.objects.create(
                charger=charger,
                digest=key,
                chain=issued.chain,
                fingerprint=issued.fingerprint,
                expires_at=issued.expires_at,
                received_at=at,
            )
        except BadRequest as error:
            record_event(charger, "CertificateRequestRefused", detail=str(error), is_ours=True, at=at)
            return False
    if known.command is None or not known.command.is_open:
        order = {"chain": known.chain, "use": use}
        known.command = commands.request(charger, "certificate_signed", arguments=order, via="CA")
        known.save(update_fields=["command"])
    return True


def _issue(charger: Charger, pem: str, *, at: datetime) -> Issued:
    request = authority.read_request(pem)
    name = authority.common_name(request)
    if not _may_be_called(charger, name):
        raise BadRequest(f"The request is for {name[:64]!r}; its name must be the charger's identity or serial number.")
    return authority.load(settings.CHARGER_CA_FILE).sign(request, at=at)


def _issued_elsewhere(pem: str, issue: Callable[[str], str | None]) -> Issued:
    authority.read_request(pem)
    chain = issue(pem)
    if not chain:
        raise BadRequest("No authority signs certificates for this use.")
    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
    except ValueError as error:
        raise BadRequest(f"What the authority issued cannot be read: {error}") from error
    return Issued(chain, leaf.fingerprint(SHA256()).hex(), leaf.not_valid_after_utc)


def _may_be_called(charger: Charger, name: str) -> bool:
    own = {charger.identity_folded, fold(charger.serial_number)} - {""}
    if fold(name) not in own:
        return False
    others = Charger.objects.exclude(pk=charger.pk)
    # A boot may claim any serial number; one that another charger goes by is nobody's name.
    return not others.filter(Q(identity_folded=fold(name)) | Q(serial_number__iexact=name)).exists()


def answered(command: Command, *, is_taken: bool) -> None:
    """The charger took, or refused, the certificate that a command brought."""
    status = CertificateRequest.Status.INSTALLED if is_taken else CertificateRequest.Status.REJECTED
    CertificateRequest.objects.filter(command=command).update(status=status)
