from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chargers.models.site import Site
from chargers.models.tag import Tag


class Registration(models.TextChoices):
    """What our staff decided about a charger; the answer to its boot follows from it."""

    ACCEPTED = "accepted", _("Accepted")
    QUARANTINED = "quarantined", _("in quarantine")
    REJECTED = "rejected", _("Rejected")


class SecurityProfile(models.IntegerChoices):
    NONE = 0, _("0 · no password (laboratory only)")
    BASIC = 1, _("1 · password")
    TLS = 2, _("2 · TLS and password")
    CERTIFICATE = 3, _("3 · TLS and client certificate")


class Spoken(models.TextChoices):
    """A version, as its WebSocket subprotocol."""

    OCPP_16 = "ocpp1.6", "OCPP 1.6"
    OCPP_201 = "ocpp2.0.1", "OCPP 2.0.1"
    OCPP_21 = "ocpp2.1", "OCPP 2.1"


class Charger(models.Model):
    """A charging station: who it is, how it may come in, and the connection it has now.

    The connection columns belong to `chargers.connections`: ``epoch`` grows with each accepted handshake, and whoever
    ends a connection says which epoch it means, so a late farewell never touches a newer one.
    """

    identity = models.CharField(max_length=128)
    identity_folded = models.CharField(max_length=128, unique=True, editable=False)  # ids are unique ignoring case
    name = models.CharField(max_length=120, blank=True)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.SET_NULL, related_name="chargers")
    tags = models.ManyToManyField(Tag, blank=True, related_name="chargers")
    registration = models.CharField(max_length=12, choices=Registration, default=Registration.ACCEPTED)
    security_profile = models.PositiveSmallIntegerField(choices=SecurityProfile, default=SecurityProfile.BASIC)
    password_hash = models.CharField(max_length=160, blank=True, editable=False)
    password_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Those that we told it and that it has not confirmed yet, the latest last; each opens the door as well.
    pending_password_hash = models.TextField(blank=True, editable=False)
    # What it speaks where its handshake names no subprotocol, or misspells one; empty: it is refused.
    assumed_subprotocol = models.CharField(max_length=16, blank=True, choices=Spoken)
    is_strict = models.BooleanField(default=False)  # its mistakes are refused, not put right: for certification

    vendor = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=64, blank=True)
    serial_number = models.CharField(max_length=64, blank=True)
    firmware_version = models.CharField(max_length=64, blank=True)
    iccid = models.CharField(max_length=32, blank=True)
    imsi = models.CharField(max_length=32, blank=True)

    epoch = models.PositiveBigIntegerField(default=0)
    gateway = models.CharField(max_length=80, blank=True)
    subprotocol = models.CharField(max_length=16, blank=True)  # of the last connection: "ocpp1.6", "ocpp2.0.1"
    remote_address = models.CharField(max_length=64, blank=True)
    is_online = models.BooleanField(default=False)
    connected_at = models.DateTimeField(null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    last_heard_at = models.DateTimeField(null=True, blank=True)
    last_heartbeat_at = models.DateTimeField(null=True, blank=True)

    # The state that speaks for the whole of it, kept by `chargers.connectors`: counting a fleet reads no connector.
    leading_status = models.CharField(max_length=16, default="unknown", editable=False)
    is_booted = models.BooleanField(default=False)  # a boot was accepted; kept over reconnects
    booted_at = models.DateTimeField(null=True, blank=True)
    clock_offset_s = models.FloatField(null=True, blank=True)  # its clock minus ours, at the last live message
    diagnostics_status = models.CharField(max_length=40, blank=True)
    firmware_status = models.CharField(max_length=40, blank=True)
    local_list_version = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("identity_folded",)
        indexes = [
            models.Index(fields=["gateway"], condition=Q(is_online=True), name="charger_online_by_gateway"),
            models.Index(fields=["is_online", "leading_status", "site"], name="charger_by_state"),
        ]

    def __str__(self) -> str:
        return self.identity

    def save(self, *args: object, **kwargs: object) -> None:
        self.identity_folded = fold(self.identity)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def ocpp_version(self) -> str:
        """The version it last spoke, e.g. "1.6"; empty before its first connection."""
        return self.subprotocol.removeprefix("ocpp")


def fold(identity: str) -> str:
    """The form under which an identity is unique: OCPP 2.0.1 compares identifierString ignoring case."""
    return identity.casefold()
