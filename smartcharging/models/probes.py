"""What the limits of a charger are worth, tried."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chargers.models import Command
from smartcharging.models.sites import Outlet


class Probe(models.Model):
    """A charger is tried at one EVSE: a short limit, and whether it holds and ends; see `smartcharging.probing`."""

    class State(models.TextChoices):
        SETTING = "setting", _("the limit is on its way")
        READING = "reading", _("asked what it may draw")
        WAITING = "waiting", _("until the limit ends")
        ENDING = "ending", _("asked once more")
        DONE = "done", _("Done")

    outlet = models.ForeignKey(Outlet, on_delete=models.CASCADE, related_name="probes")
    state = models.CharField(max_length=8, choices=State, default=State.SETTING)
    firmware_version = models.CharField(max_length=64, blank=True)
    why = models.CharField(max_length=120)  # who or what asked for it
    limit_a = models.FloatField()
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # of the limit
    setting = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    reading = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    verdict = models.CharField(max_length=1, blank=True)  # A | B | C
    reasons = models.JSONField(default=list)  # sentences
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-began_at",)
        indexes = [models.Index(fields=["state"], condition=~models.Q(state="done"), name="probe_open")]
