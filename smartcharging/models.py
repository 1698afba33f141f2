"""The tables of who may draw how much."""

from __future__ import annotations

from django.db import models

from chargers.models import Charger, Command


class InstalledProfile(models.Model):
    """A charging profile that a charger confirmed to hold; ``schedules`` in our words, each with its unit, A or W."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="installed_profiles")
    evse_id = models.PositiveIntegerField(default=0)  # 0: the whole charger
    profile_id = models.IntegerField()
    stack_level = models.IntegerField()
    purpose = models.CharField(max_length=40)
    kind = models.CharField(max_length=16)
    recurrency = models.CharField(max_length=8, blank=True)
    transaction_id = models.CharField(max_length=64, blank=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    schedules = models.JSONField(default=list)
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    installed_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id", "purpose", "-stack_level")
        constraints = [models.UniqueConstraint(fields=["charger", "profile_id"], name="profile_is_unique_on_charger")]
