"""Certificates in chargers: those they hold, and those that we sign for them. Knows no OCPP words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from chargers import authority, commands
from chargers.authority import BadRequest, Issued
from chargers.models import CertificateRequest, Charger, ClientCertificate, Command, InstalledCertificate, Setting, fold
from chargers.rows import clip, digest
from chargers.security import record_event
from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
UNREADABLE = phrase("What the authority issued cannot be read: {error}")
OTHER_NAME = phrase("The request is for {told}; its name must be the charger's identity or serial number.")
TOO_LONG = phrase("The certificate has {length} characters; the charger takes {most} at most.")

Kind = InstalledCertificate.Kind
# The settings in which a charger tells how long a chain may be: OCPP 1.6 whitepaper, 2.0.1 part 2.
LARGEST_CHAIN = ("CertificateSignedMaxChainSize", "MaxCertificateChainSize")


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
        hashlib.sha256(key_bytes(certificate)).hexdigest(),
        f"{certificate.serial_number:x}",
    )


def key_bytes(certificate: x509.Certificate) -> bytes:
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
    only if it is not on its way, until that one nears its end, and none once it was revoked. A name that is not the
    charger's own is not signed: it would open another's door.
    """
    try:
        known = _signed(charger, pem, at) or _issue(charger, pem, issue, at=at)
    except BadRequest as error:
        record_event(charger, "CertificateRequestRefused", detail=str(error), is_ours=True, at=at)
        return False
    if known.command is None or not known.command.is_open:
        order = {"chain": known.chain, "use": use}
        known.command = commands.request(charger, "certificate_signed", arguments=order, via="CA")
        known.save(update_fields=["command"])
    return True


def lacks_signature(charger: Charger, pem: str, *, at: datetime) -> bool:
    """Whether `sign` would ask for one: for a request that can be read and is the charger's own."""
    try:
        _read(charger, pem)
        return _signed(charger, pem, at) is None
    except BadRequest:
        return False


def _signed(charger: Charger, pem: str, at: datetime) -> CertificateRequest | None:
    """The request as it was signed before, if its certificate still serves. Raises BadRequest if it was revoked."""
    known = CertificateRequest.objects.select_related("command").filter(charger=charger, digest=_key(pem)).first()
    if known is not None and known.status == CertificateRequest.Status.REVOKED:
        raise BadRequest(phrase("Its certificate was revoked; the charger has to make a new key."))
    return None if known is None or nears_its_end(known.expires_at, at) else known


def _key(pem: str) -> UUID:
    return digest("signing request", "".join(pem.split()))


def nears_its_end(expires_at: datetime, at: datetime) -> bool:
    return expires_at - timedelta(days=settings.RENEW_CERTIFICATE_DAYS) <= at


def _read(charger: Charger, pem: str) -> x509.CertificateSigningRequest:
    """Raises BadRequest."""
    request = authority.read_request(pem)
    if CertificateRequest.objects.filter(digest=_key(pem)).exclude(charger=charger).exists():
        raise BadRequest(phrase("Another charger has sent this very request; each charger needs a key of its own."))
    return request


def _issue(
    charger: Charger, pem: str, issue: Callable[[str], str | None] | None, *, at: datetime
) -> CertificateRequest:
    """Raises BadRequest."""
    request = _read(charger, pem)
    if issue is None:
        name = _name_for(charger, authority.names_in(request))
        signer = authority.load(settings.CHARGER_CA_FILE)
        issued = signer.sign(request, name=name, organization=settings.CPO_NAME, at=at)
    else:
        issued = _issued_elsewhere(pem, issue)
    _check_size(charger, issued.chain)
    with transaction.atomic():
        # The certificate before it is still one: staff may revoke it, too.
        for older in CertificateRequest.objects.filter(charger=charger, digest=_key(pem)):
            older.digest = digest("signing request", older.fingerprint)
            older.save(update_fields=["digest"])
        return CertificateRequest.objects.create(
            charger=charger,
            digest=_key(pem),
            chain=issued.chain,
            fingerprint=issued.fingerprint,
            expires_at=issued.expires_at,
            received_at=at,
        )


def _issued_elsewhere(pem: str, issue: Callable[[str], str | None]) -> Issued:
    chain = issue(pem)
    if not chain:
        raise BadRequest(phrase("No authority signs certificates for this use."))
    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
    except ValueError as error:
        raise BadRequest(UNREADABLE.format(error=error)) from error
    return Issued(chain, leaf.fingerprint(SHA256()).hex(), leaf.not_valid_after_utc)


def _name_for(charger: Charger, asked: list[str]) -> str:
    """The name in the certificate: the one asked for if it is the charger's, else its own. Raises BadRequest."""
    names = [name for name in asked if name.strip()]
    if not names:  # some firmware leaves its name to us
        return next(name for name in (charger.serial_number, charger.identity) if _may_be_called(charger, name))
    if len(names) > 1 or not _may_be_called(charger, names[0]):
        told = ", ".join(repr(name[:64]) for name in names[:3])
        raise BadRequest(OTHER_NAME.format(told=told))
    return names[0]


def _check_size(charger: Charger, chain: str) -> None:
    """Raises BadRequest for a chain that the charger has told us it cannot take."""
    told = Setting.objects.filter(charger=charger, name__in=LARGEST_CHAIN, is_known=True)
    limits = [int(value) for value in told.values_list("value", flat=True) if value.isascii() and value.isdigit()]
    if limits and len(chain) > min(limits):
        raise BadRequest(TOO_LONG.format(length=len(chain), most=min(limits)))


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
    unrevoked = CertificateRequest.objects.exclude(status=CertificateRequest.Status.REVOKED)
    unrevoked.filter(command=command).update(status=status)


# -- before they end -------------------------------------------------------------------------------------------------


def ask_to_renew(*, at: datetime) -> int:
    """Order chargers whose certificate nears its end to ask for a new one, once a day each; how many were asked.

    Only those that are here: who comes back later is asked by the next sweep.
    """
    if settings.RENEW_CERTIFICATE_DAYS == 0:
        return 0
    soon = at + timedelta(days=settings.RENEW_CERTIFICATE_DAYS)
    due = ClientCertificate.objects.filter(expires_at__lte=soon, charger__is_online=True).select_related("charger")
    for certificate in due:
        request_renewal(certificate.charger, certificate, at=at)
    return len(due)


def request_renewal(charger: Charger, certificate: ClientCertificate, *, at: datetime) -> Command:
    """Order a charger to send a signing request; once a day for each certificate."""
    return commands.request(
        charger,
        "trigger",
        arguments={"message": "SignCertificate"},
        via="CA",
        idempotency_key=f"renew {certificate.fingerprint[:16]} {at.date()}",
    )
