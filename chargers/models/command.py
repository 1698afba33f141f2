from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger
from chargers.models.job import Job


class CommandStatus(models.TextChoices):
    PENDING = "pending", _("waiting")  # in the outbox
    SENT = "sent", _("Sent")  # claimed for delivery; at most one per charger
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    FAILED = "failed", _("Failed")  # CALLERROR, an answer that makes no sense, or a request we could not put into OCPP
    TIMEOUT = "timeout", _("no answer")
    EXPIRED = "expired", _("Expired")  # never sent: its time was over
    CANCELLED = "cancelled", _("Cancelled")

    @classmethod
    def open(cls) -> tuple[CommandStatus, ...]:
        return cls.PENDING, cls.SENT


class Command(models.Model):
    """One order to one charger, and what became of it. The row is the outbox; ``id`` is the OCPP message id.

    Either ``verb`` + ``arguments`` (ours, put into the charger's dialect at delivery) or a raw OCPP ``action`` +
    ``payload``. After delivery ``action`` and ``payload`` say what went over the wire (secrets masked in the journal).
    """

    class Effect(models.TextChoices):
        SEEN = "seen", _("Seen")
        NOT_SEEN = "not_seen", _("not seen")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="commands")
    verb = models.CharField(max_length=40, blank=True)
    arguments = models.JSONField(default=dict, blank=True)
    action = models.CharField(max_length=64, blank=True)
    payload = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=CommandStatus, default=CommandStatus.PENDING)
    answer = models.JSONField(
        null=True, blank=True
    )  # raw payload, or {"code", "description", "details"} of a CALLERROR
    explanation = models.CharField(max_length=500, blank=True)  # for people: why it failed
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_via = models.CharField(max_length=40, blank=True)  # "portal", "rest", "firmware campaign 12"
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    late_answer = models.JSONField(null=True, blank=True)  # came after we had given up
    effect = models.CharField(max_length=8, choices=Effect, blank=True)  # of an accepted one; empty: not known (yet)
    effect_at = models.DateTimeField(null=True, blank=True)
    effect_text = models.CharField(max_length=160, blank=True)  # what was seen
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="commands")

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["charger"], condition=Q(status="sent"), name="one_command_in_flight_per_charger"
            ),
            models.UniqueConstraint(fields=["charger", "idempotency_key"], name="command_idempotency_key_is_unique"),
        ]
        indexes = [
            models.Index(fields=["charger", "-created_at"], name="command_recent"),
            models.Index(fields=["created_at"], name="command_by_time"),
            models.Index(
                fields=["status", "created_at"], condition=Q(status__in=["pending", "sent"]), name="command_open"
            ),
            models.Index(fields=["charger", "created_at"], condition=Q(status="pending"), name="command_waiting"),
            # Nobody knows whether the charger holds them: each plan of its site asks.
            models.Index(
                fields=["charger"],
                # "": a raw order, which may have carried one.
                condition=Q(status="timeout", verb__in=["", "remote_start", "set_profile", "update_schedule"]),
                name="command_profile_in_doubt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action or self.verb} → {self.charger.identity}"

    @property
    def is_open(self) -> bool:
        return self.status in CommandStatus.open()
