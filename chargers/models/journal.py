from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger


class Exchange(models.Model):
    """A request on the wire and its answer: the support log, the replay source and the memory for repeated CALLs.

    Frames are kept as text, untouched but for masked secrets. ``request`` is empty for an answer that nobody asked for.
    """

    class Origin(models.TextChoices):
        CHARGER = "charger", _("Charger")
        CSMS = "csms", _("us")

    class Outcome(models.TextChoices):
        OPEN = "open", _("no answer")
        RESULT = "result", _("Result")
        ERROR = "error", _("Error")
        UNREADABLE = "unreadable", _("Unreadable")
        ORPHAN = "orphan", _("answer to nothing")
        ONE_WAY = "one_way", _("no answer due")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="exchanges", db_index=False)
    epoch = models.PositiveBigIntegerField()
    origin = models.CharField(max_length=8, choices=Origin)
    message_id = models.CharField(max_length=255, blank=True)
    action = models.CharField(max_length=64, blank=True)
    request = models.TextField(blank=True)
    requested_at = models.DateTimeField()
    response = models.TextField(blank=True)
    responded_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN)
    error_code = models.CharField(max_length=64, blank=True)
    findings = models.JSONField(default=list, blank=True)  # what was tolerated, in words
    digest = models.CharField(max_length=32, blank=True)  # of the request's payload

    class Meta:
        ordering = ("-requested_at", "-id")
        indexes = [
            models.Index(fields=["charger", "-requested_at"], name="exchange_recent"),
            # With the time: where ids start anew at each boot, a charger has said "1" a thousand times.
            models.Index(fields=["charger", "message_id", "requested_at"], name="exchange_by_message"),
            models.Index(fields=["requested_at"], condition=Q(action="Heartbeat"), name="exchange_heartbeats"),
        ]

    @property
    def latency_ms(self) -> float | None:
        if self.responded_at is None:
            return None
        return (self.responded_at - self.requested_at).total_seconds() * 1000


class LargeFrame(models.Model):
    """A frame on its way to a worker that is too large for the broker; the id travels in its place."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="large_frames")
    content = models.BinaryField()  # UTF-8, unmasked: it is gone once it is digested
    received_at = models.DateTimeField()


class DeadLetter(models.Model):
    """A frame that no handler could digest, with the traceback; replayed by staff."""

    identity = models.CharField(max_length=255)
    charger = models.ForeignKey(Charger, null=True, on_delete=models.CASCADE, related_name="dead_letters")
    frame = models.TextField()
    traceback = models.TextField()
    received_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-received_at", "-id")


class SecurityEvent(models.Model):
    """Something that concerns security, told by the charger (SecurityEventNotification) or noticed by us."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="security_events")
    kind = models.CharField(max_length=64)
    is_ours = models.BooleanField(default=False)
    device_time = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    detail = models.TextField(blank=True)
    key = models.UUIDField()  # digest of what makes it the same event

    class Meta:
        ordering = ("-received_at", "-id")
        constraints = [models.UniqueConstraint(fields=["charger", "key"], name="security_event_is_unique")]
