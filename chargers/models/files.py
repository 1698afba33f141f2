from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger
from chargers.models.command import Command


class Upload(models.Model):
    """A log that a charger was asked to leave with us, and what came of it; see `chargers.uploads`."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")  # it has the link
        UPLOADING = "uploading", _("Uploading")
        RECEIVED = "received", _("Received")
        FAILED = "failed", _("Failed")

    class Content(models.TextChoices):
        TEXT = "text", _("Text")
        ZIP = "zip", _("Zip")
        GZIP = "gzip", _("Gzip")
        TAR = "tar", _("Tar")
        OTHER = "other", _("Other")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="uploads", db_index=False)
    command = models.OneToOneField(Command, null=True, on_delete=models.SET_NULL, related_name="upload")
    kind = models.CharField(max_length=12)  # diagnostics | security
    name = models.CharField(max_length=80, unique=True)  # in `chargers.storage`; never the charger's
    told_name = models.CharField(max_length=255, blank=True)  # what the charger calls it, for people
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    problem = models.CharField(max_length=300, blank=True)  # for people: why it failed
    content = models.CharField(max_length=6, choices=Content, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    done_bytes = models.PositiveBigIntegerField(null=True, blank=True)  # of what is being written; None: nobody knows
    announced_bytes = models.PositiveBigIntegerField(null=True, blank=True)  # how much the charger said it will be
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()  # of the link
    begun_at = models.DateTimeField(null=True, blank=True)  # somebody writes by the link; nobody else may
    received_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-asked_at", "-id")
        indexes = [
            models.Index(fields=["charger", "-asked_at"], name="upload_recent"),
            models.Index(fields=["-asked_at"], name="upload_by_time"),
            models.Index(fields=["asked_at"], condition=Q(state__in=["waiting", "uploading"]), name="upload_open"),
        ]

    def __str__(self) -> str:
        return self.told_name or self.name

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.UPLOADING)


class FirmwareImage(models.Model):
    """A firmware that chargers of a vendor and model may be given, and the file that holds it."""

    vendor = models.CharField(max_length=64)
    model = models.CharField(max_length=64)  # a pattern, as file names have: "Wallbox*"
    version = models.CharField(max_length=64)  # as the charger tells it when it boots with it
    file_name = models.CharField(max_length=120)  # for people, and chargers that look at it
    name = models.CharField(max_length=80, unique=True)  # in `chargers.storage`
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    signature = models.CharField(max_length=800, blank=True)  # base64; with it the order is a signed one
    certificate = models.TextField(blank=True)  # PEM of whoever signed it
    notes = models.TextField(blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("-added_at", "-id")
        constraints = [
            models.UniqueConstraint(Lower("vendor"), Lower("model"), "version", name="firmware_image_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.vendor} {self.model} {self.version}"
