from __future__ import annotations

from django.conf import settings
from django.db import models

from chargers.models.charger import Charger


class Breach(models.Model):
    """How often a charger, with one firmware, broke the protocol in one way; counted by `chargers.protocol`.

    ``kind``: a finding, or the code of a refusal, without what differs from time to time ("… is missing.").
    """

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="breaches")
    firmware_version = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=200)
    is_refused = models.BooleanField(default=False)  # an error was answered; else it was tolerated
    count = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    hour = models.DateTimeField()  # UTC, on the hour: the last one in which it happened
    hour_count = models.PositiveIntegerField(default=0)  # in that hour
    exchange_id = models.BigIntegerField()  # the latest example; the journal may have forgotten it

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charger", "firmware_version", "action", "kind", "is_refused"], name="breach_is_counted_once"
            )
        ]
        indexes = [models.Index(fields=["-last_at"], name="breach_recent")]


class JournalMark(models.Model):
    """Up to which row of the journal a reader has come. One row per reader."""

    reader = models.CharField(max_length=32, unique=True)
    exchange_id = models.BigIntegerField(default=0)


class PackUse(models.Model):
    """Staff decided that a behaviour pack holds, or does not, for a model with these firmwares."""

    pack = models.CharField(max_length=64)
    vendor = models.CharField(max_length=64)
    model = models.CharField(max_length=64, blank=True)
    firmware = models.CharField(max_length=64, default="*")  # a pattern, as file names have
    is_on = models.BooleanField(default=True)
    decided_at = models.DateTimeField(auto_now=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pack", "vendor", "model", "firmware"], name="pack_use_is_decided_once")
        ]
