from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger


class Monitor(models.Model):
    """A rule in a charger by which it tells us of a variable of its own accord (OCPP 2.x)."""

    class Kind(models.TextChoices):
        UPPER = "upper", _("above")
        LOWER = "lower", _("below")
        DELTA = "delta", _("changed by")
        PERIODIC = "periodic", _("every … seconds")
        CLOCK = "clock", _("every … seconds of the clock")
        TARGET = "target", _("off its target by")
        SHARE = "share", _("off its target by the share")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="monitors")
    monitor_id = models.BigIntegerField()  # the charger's number of it
    path = models.CharField(max_length=255)  # of the variable, as `Setting.path`
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.FloatField()
    severity = models.PositiveSmallIntegerField()  # 0 danger … 9 debug
    only_in_session = models.BooleanField(default=False)
    reported_at = models.DateTimeField()

    class Meta:
        ordering = ("path", "monitor_id")
        constraints = [models.UniqueConstraint(fields=["charger", "monitor_id"], name="monitor_is_unique_on_charger")]


class Alert(models.Model):
    """Something a charger raised about itself (OCPP 2.x NotifyEvent); open until it says that it is over."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="alerts")
    key = models.UUIDField()  # digest of what makes it the same alert
    path = models.CharField(max_length=255)
    value = models.TextField(blank=True)
    tech_code = models.CharField(max_length=50, blank=True)
    tech_info = models.CharField(max_length=500, blank=True)
    monitor_id = models.BigIntegerField(null=True, blank=True)
    severity = models.PositiveSmallIntegerField(null=True, blank=True)  # None: its monitor is not known to us
    device_time = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-received_at", "-id")
        constraints = [models.UniqueConstraint(fields=["charger", "key"], name="alert_is_unique_on_charger")]
        indexes = [models.Index(fields=["charger"], condition=models.Q(cleared_at=None), name="alert_open")]
