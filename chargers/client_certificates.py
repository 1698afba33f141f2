"""The certificate that a charger shows at the door (security profile 3): what it says, whose it is, whether it will do.

That an authority of ours has signed it, and for a client, is known by then: `gateway.trust`. Knows no socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import transaction
from django.db.models import F

from chargers import authority
from chargers.models import CertificateRequest, Charger, ClientCertificate, fold
from chargers.rows import clip
from chargers.security import record_event
from chargers.sentences import phrase
from chargers.signals import certificate_revoked

# A charger that dials again and again is written down once in this time.
REMEMBERED_FOR = timedelta(hours=1)
# What staff revoked longer ago: if its connection has not ended by now, nobody is there to end it.
REVOKED_LATELY = timedelta(days=1)

# Told to people, see chargers/sentences.py.
OTHER_SERIAL = phrase("It boots with serial number {told!r}; the one we know is {known!r}.")
TAKEN_BACK = phrase("Staff revoked the certificate {fingerprint}; the connection that it opened is ended.")
OTHER_SERIAL_NAMED = phrase("It boots with serial number {told!r}; its certificate names {named!r}.")


@dataclass(frozen=True, slots=True)
class Shown:
    """``organizations``: all O of its subject; ``is_long_enough``: its key."""

    name: str
    organizations: tuple[str, ...]
    subject: str
    issuer: str
    fingerprint: str
    expires_at: datetime
    is_long_enough: bool


def read(certificate: x509.Certificate) -> Shown:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    organizations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return Shown(
        name=str(names[0].value) if len(names) == 1 else "",
        organizations=tuple(str(each.value) for each in organizations),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        expires_at=certificate.not_valid_after_utc,
        is_long_enough=authority.is_long_enough(certificate.public_key()),
    )


def is_of(shown: Shown, charger: Charger) -> bool:
    """Whether it names this charger: its identity, or the serial number that we know it by."""
    return fold(shown.name) in {charger.identity_folded, fold(charger.serial_number)} - {""}


def flaw(shown: Shown) -> str:
    """What is wrong with a certificate that names its charger, "" if nothing. OCPP 2.0.1 part 2, A00.FR.402 ff."""
    if not shown.is_long_enough:
        return f"its key is too short; {authority.KEY_RULE}"
    if settings.CPO_NAME and fold(settings.CPO_NAME) not in map(fold, shown.organizations):
        told = ", ".join(repr(each) for each in shown.organizations) or "none"
        return f"its organization (O) is {told} and must be {settings.CPO_NAME!r}"
    return ""


def take_note(showings: Sequence[tuple[Charger, Shown]], *, at: datetime) -> list[bool]:
    """Remember with which certificate each charger comes in; whether it may, in order: False if staff has revoked it.

    Works on batches: a storm of chargers is a few statements. Lists of other authorities are asked before, in the TLS
    handshake.
    """
    revoked = set(
        CertificateRequest.objects.filter(
            status=CertificateRequest.Status.REVOKED, fingerprint__in={shown.fingerprint for _, shown in showings}
        ).values_list("fingerprint", flat=True)
    )
    fresh = ClientCertificate.objects.filter(
        charger__in={charger.pk for charger, _ in showings}, shown_at__gt=at - REMEMBERED_FOR
    )
    known = set(fresh.values_list("charger_id", "fingerprint"))
    for charger, shown in showings:
        if shown.fingerprint not in revoked and (charger.pk, shown.fingerprint) not in known:
            record(charger, shown, at=at)
    return [shown.fingerprint not in revoked for _, shown in showings]


@transaction.atomic
def revoke(request: CertificateRequest, *, at: datetime) -> bool:
    """The certificate opens no door from now on, and the connection that it has opened ends; False if it was revoked.

    Its key is done with as well: the same signing request gets no other certificate.
    """
    valid = CertificateRequest.objects.filter(pk=request.pk).exclude(status=CertificateRequest.Status.REVOKED)
    if not valid.update(status=CertificateRequest.Status.REVOKED, revoked_at=at):
        return False
    record_event(
        request.charger,
        "CertificateRevoked",
        detail=TAKEN_BACK.format(fingerprint=request.fingerprint),
        is_ours=True,
        at=at,
    )
    transaction.on_commit(lambda: certificate_revoked.send_robust(sender=CertificateRequest))
    return True


def opened_by_revoked(at: datetime) -> list[Charger]:
    """The chargers whose connection was opened by a certificate that staff have revoked since."""
    revoked = CertificateRequest.objects.filter(
        revoked_at__gt=at - REVOKED_LATELY,
        charger__connected_at__lt=F("revoked_at"),
        fingerprint=F("charger__client_certificate__fingerprint"),
        charger__is_online=True,
    )
    return [request.charger for request in revoked.select_related("charger")]


def record(charger: Charger, shown: Shown, *, at: datetime) -> None:
    """Remember with which certificate a charger came in."""
    ClientCertificate.objects.update_or_create(
        charger=charger,
        defaults={
            "name": shown.name,
            "subject": clip(ClientCertificate, "subject", shown.subject),
            "issuer": clip(ClientCertificate, "issuer", shown.issuer),
            "fingerprint": shown.fingerprint,
            "expires_at": shown.expires_at,
            "shown_at": at,
        },
    )


def contradicts(charger: Charger, serial_number: str) -> str:
    """Why a boot with this serial number is not that of the charger that owns the certificate, "" if it may be.

    OCPP 2.0.1 part 2, B01.FR.11–12: the serial number is the name in the certificate. Many chargers go by their
    identity there; then it must not differ from the one that we know, and of a strict charger not from the name either.
    """
    certificate = ClientCertificate.objects.filter(charger=charger).first()
    if certificate is None or not serial_number or fold(certificate.name) == fold(serial_number):
        return ""
    if fold(certificate.name) == charger.identity_folded and not charger.is_strict:
        known = charger.serial_number
        if not known or fold(known) == fold(serial_number):
            return ""
        return OTHER_SERIAL.format(told=serial_number, known=known)
    return OTHER_SERIAL_NAMED.format(told=serial_number, named=certificate.name)


def is_over(charger: Charger, at: datetime) -> bool:
    """Whether the charger came in with a certificate that has expired, which `EXPIRED_CERTIFICATE_DAYS` let pass."""
    return ClientCertificate.objects.filter(charger=charger, expires_at__lte=at).exists()
