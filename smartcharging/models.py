"""The tables of who may draw how much."""

from __future__ import annotations

from django.db import models

from chargers.models import Charger, Command
from sessions.models import ChargingSession


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


class ExternalLimit(models.Model):
    """A limit that somebody else set on a charger (a grid operator, a building), told by the charger itself."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="external_limits")
    evse_id = models.PositiveIntegerField(default=0)  # 0: the whole charger
    source = models.CharField(max_length=20)  # EMS | SO | CSO | Other
    is_grid_critical = models.BooleanField(default=False)
    schedules = models.JSONField(default=list)  # as of `InstalledProfile`
    told_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id", "source")
        constraints = [
            models.UniqueConstraint(fields=["charger", "evse_id", "source"], name="external_limit_is_unique")
        ]


class ChargingNeeds(models.Model):
    """What the car at an EVSE said it needs, and how it means to charge (ISO 15118): the latest word of each EVSE.

    ``parameters``: W, Wh, A, V and percent, as the car told them; ``schedule`` as of `InstalledProfile`.
    """

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="charging_needs")
    evse_id = models.PositiveIntegerField()
    session = models.ForeignKey(ChargingSession, null=True, on_delete=models.CASCADE, related_name="charging_needs")
    energy_transfer = models.CharField(max_length=24, blank=True)  # DC | AC_single_phase | …
    energy_wh = models.BigIntegerField(null=True, blank=True)
    soc_percent = models.FloatField(null=True, blank=True)
    departs_at = models.DateTimeField(null=True, blank=True)
    parameters = models.JSONField(default=dict)
    schedule = models.JSONField(null=True, blank=True)  # None: it has not said
    told_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id")
        constraints = [models.UniqueConstraint(fields=["charger", "evse_id"], name="charging_needs_are_unique")]
