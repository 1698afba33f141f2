"""Charging profiles: of the library, as chargers hold them, and as chargers, grids and cars tell them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

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
    max_offline_s = models.PositiveIntegerField(null=True, blank=True)  # how long it holds without a link (2.1)
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    installed_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id", "purpose", "-stack_level")
        constraints = [models.UniqueConstraint(fields=["charger", "profile_id"], name="profile_is_unique_on_charger")]


class SavedProfile(models.Model):
    """A charging profile of the library; ``draft`` see `smartcharging.drafts`. ``version`` grows when it changes."""

    name = models.CharField(max_length=120, unique=True)
    note = models.CharField(max_length=500, blank=True)
    draft = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Placement(models.Model):
    """A profile of the library that an EVSE should hold, and whether it does. ``told``: why, a sentence for people.

    ``number``: of the profile at that charger. ``profile``: as it was ordered, with the moments of that place.
    """

    class State(models.TextChoices):
        ORDERED = "ordered", _("on its way")
        TAKEN = "taken", _("accepted, being read back")
        HELD = "held", _("held")
        DIFFERS = "differs", _("not as ordered")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("taken back")

    saved = models.ForeignKey(SavedProfile, on_delete=models.CASCADE, related_name="placements")
    saved_version = models.PositiveIntegerField()
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="placements")
    evse_id = models.PositiveIntegerField(default=0)  # 0: the whole charger
    session = models.ForeignKey(ChargingSession, null=True, on_delete=models.CASCADE, related_name="placements")
    number = models.PositiveIntegerField()
    profile = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.ORDERED)
    told = models.CharField(max_length=500, blank=True)
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    reading = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")  # that reads it back
    looked_at = models.DateTimeField(null=True, blank=True)  # read back; a later boot asks for another look
    put_back_at = models.DateTimeField(null=True, blank=True)  # lost, and ordered once more
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id")
        constraints = [
            models.UniqueConstraint(fields=["saved", "charger", "evse_id"], name="placement_is_unique"),
        ]
        indexes = [
            models.Index(fields=["state"], condition=models.Q(state__in=["ordered", "taken"]), name="placement_open"),
        ]


class CompositeReport(models.Model):
    """What a charger says that it may draw, in answer to a question. ``schedule`` as of `InstalledProfile`; None: it
    did not say.
    """

    command = models.OneToOneField(Command, on_delete=models.CASCADE, related_name="composite_report")
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="composite_reports")
    evse_id = models.PositiveIntegerField(default=0)
    begins_at = models.DateTimeField()
    schedule = models.JSONField(null=True)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ("-told_at",)
        indexes = [models.Index(fields=["charger", "evse_id", "-told_at"], name="composite_report_recent")]


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
