from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger
from chargers.models.command import Command


class InstalledCertificate(models.Model):
    """A certificate that a charger holds, by its own word: known by hashes, as OCSP knows certificates (RFC 6960)."""

    class Kind(models.TextChoices):
        CSMS_ROOT = "csms_root", _("root of the management system")
        MANUFACTURER_ROOT = "manufacturer_root", _("root of the manufacturer")
        V2G_ROOT = "v2g_root", _("root of ISO 15118 (V2G)")
        MO_ROOT = "mo_root", _("root of a mobility operator")
        V2G_CHAIN = "v2g_chain", _("its own of ISO 15118 (V2G)")
        OEM_ROOT = "oem_root", _("root of a car maker")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="certificates")
    kind = models.CharField(max_length=20, choices=Kind)
    hash_algorithm = models.CharField(max_length=8)  # SHA256 | SHA384 | SHA512
    issuer_name_hash = models.CharField(max_length=128)
    issuer_key_hash = models.CharField(max_length=128)
    serial_number = models.CharField(max_length=40)  # hexadecimal
    reported_at = models.DateTimeField()

    class Meta:
        ordering = ("kind", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["charger", "kind", "hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number"],
                name="certificate_is_unique_on_charger",
            )
        ]


class CertificateRequest(models.Model):
    """A charger asked us to sign its key (SignCertificate), and what it got. One request gives one certificate."""

    class Status(models.TextChoices):
        ISSUED = "issued", _("signed, not confirmed yet")
        INSTALLED = "installed", _("Installed")
        REJECTED = "rejected", _("the charger did not take it")
        REVOKED = "revoked", _("revoked by staff")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="certificate_requests")
    # Of the signing request: chargers repeat it until they have their certificate.
    digest = models.UUIDField(db_index=True)
    chain = models.TextField()  # PEM, the charger's own certificate first
    fingerprint = models.CharField(max_length=64, db_index=True)  # SHA-256 of that certificate, hexadecimal
    expires_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.ISSUED)
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    received_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-received_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["charger", "digest"], name="certificate_request_is_unique_on_charger")
        ]
        indexes = [
            models.Index(
                fields=["revoked_at"], condition=models.Q(revoked_at__isnull=False), name="certificate_revoked"
            )
        ]


class ClientCertificate(models.Model):
    """The certificate with which a charger came in last (security profile 3)."""

    charger = models.OneToOneField(Charger, on_delete=models.CASCADE, related_name="client_certificate")
    name = models.CharField(max_length=128)  # CN: the charger's identity or serial number
    subject = models.CharField(max_length=400)
    issuer = models.CharField(max_length=400)
    fingerprint = models.CharField(max_length=64)  # SHA-256, hexadecimal
    expires_at = models.DateTimeField(db_index=True)
    shown_at = models.DateTimeField()


class RevocationAnswer(models.Model):
    """What an OCSP responder said of a certificate, until that ends; see `chargers.revocation`."""

    class Status(models.TextChoices):
        GOOD = "good"
        REVOKED = "revoked"
        UNKNOWN = "unknown"
        FAILED = "failed"

    digest = models.UUIDField(primary_key=True)  # of the responder's URL and the certificate's name
    status = models.CharField(max_length=8, choices=Status)
    response = models.BinaryField()  # DER; empty where there was none
    is_proven = models.BooleanField()  # its signature leads to the issuer
    ends_at = models.DateTimeField(db_index=True)
