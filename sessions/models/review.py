from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from sessions.models.session import ChargingSession


class Review(models.Model):
    """What somebody decided about a session, and on which grounds. Never changed, never deleted."""

    class Kind(models.TextChoices):
        ENERGY = "energy", _("energy decided")
        CLOSED = "closed", _("closed by hand")

    session = models.ForeignKey(ChargingSession, on_delete=models.PROTECT, related_name="reviews")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    via = models.CharField(max_length=40)  # "portal", or the name of an API key
    kind = models.CharField(max_length=8, choices=Kind)
    before_wh = models.BigIntegerField(null=True, blank=True)
    after_wh = models.BigIntegerField(null=True, blank=True)
    proposed_wh = models.BigIntegerField(null=True, blank=True)
    reason = models.TextField()
    doubts = models.JSONField(default=list)  # the reasons for review as they were

    class Meta:
        ordering = ("-at", "-id")
