from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger
from chargers.models.command import Command
from chargers.models.files import FirmwareImage


class Campaign(models.Model):
    """One firmware for many chargers, ring after ring; see `chargers.campaigns`."""

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        HALTED = "halted", _("Halted")  # by itself: too many failed
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    title = models.CharField(max_length=120)
    image = models.ForeignKey(FirmwareImage, on_delete=models.PROTECT, related_name="campaigns")
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    explanation = models.CharField(max_length=300, blank=True)  # why it halted
    chosen_by = models.CharField(max_length=500, blank=True)  # the filter by which the chargers were chosen
    # What may go at once: 0 is no limit.
    most_at_once = models.PositiveIntegerField(default=10)
    most_per_site = models.PositiveIntegerField(default=2)
    bytes_per_s = models.PositiveBigIntegerField(default=0)
    # When, in the time zone of the site; none: at any time.
    window_from = models.TimeField(null=True, blank=True)
    window_until = models.TimeField(null=True, blank=True)
    only_idle = models.BooleanField(default=True)
    # What success is, beside the new version booted.
    soak_minutes = models.PositiveIntegerField(default=30)
    needs_session = models.BooleanField(default=True)
    session_patience_hours = models.PositiveIntegerField(default=48)
    # What ends it.
    deadline_minutes = models.PositiveIntegerField(default=120)  # from the order to the boot with the new version
    halt_percent = models.PositiveSmallIntegerField(default=10)  # of a ring failed: more than this halts
    base_url = models.CharField(max_length=200, blank=True)  # where chargers reach us, if PUBLIC_URL does not say
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.title

    @property
    def is_over(self) -> bool:
        return self.status in (self.Status.DONE, self.Status.CANCELLED)


class Participant(models.Model):
    """A charger's part in a campaign."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        UPDATING = "updating", _("Updating")  # ordered; may be anywhere between the outbox and its boot
        SOAKING = "soaking", _("Soaking")  # runs the new version, has still to prove itself
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        SKIPPED = "skipped", _("Skipped")  # ran it already, or has left
        CANCELLED = "cancelled", _("Cancelled")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="participants", db_index=False)
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="campaign_parts")
    ring = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    why = models.CharField(max_length=200, blank=True)  # a sentence: why it waits, failed, or counts as done
    is_excused = models.BooleanField(default=False)  # staff went on in spite of its failure
    command = models.ForeignKey(Command, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    from_version = models.CharField(max_length=64, blank=True)
    ordered_at = models.DateTimeField(null=True, blank=True)
    booted_at = models.DateTimeField(null=True, blank=True)  # with the new version
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("ring", "id")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "charger"], name="charger_takes_part_once"),
            models.UniqueConstraint(
                fields=["charger"], condition=Q(state__in=["updating", "soaking"]), name="one_firmware_at_a_time"
            ),
        ]
