from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger, SecurityProfile


class ProfileUpgrade(models.Model):
    """A charger is being led to a higher security profile, order by order; see `chargers.upgrades`."""

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="profile_upgrades")
    to_profile = models.PositiveSmallIntegerField(choices=SecurityProfile)
    url = models.CharField(max_length=512)  # wss://…, without the identity
    slot = models.PositiveSmallIntegerField(default=1)  # of its network profiles; OCPP 1.6 has none
    root = models.TextField(blank=True)  # PEM: the authority of our certificate; empty: the charger trusts it already
    step = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    explanation = models.CharField(max_length=500, blank=True)  # why it failed
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["charger"], condition=Q(status="running"), name="one_profile_upgrade_at_a_time"
            )
        ]
