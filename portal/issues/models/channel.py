from __future__ import annotations

import base64
import secrets
import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.issues.models.issue import Issue, Severity


def new_secret() -> str:
    """A signing key as Standard Webhooks writes it: 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Channel(models.Model):
    """Where news of issues goes: a mailbox, or a system of somebody's."""

    class Kind(models.TextChoices):
        MAIL = "mail", _("mail")
        WEBHOOK = "webhook", _("webhook")

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    address = models.CharField(max_length=500)  # mailbox or URL
    secret = models.CharField(max_length=80, default=new_secret, editable=False)  # signs webhooks
    worst_only = models.PositiveSmallIntegerField(choices=Severity, default=Severity.MAJOR)  # this severity and worse
    # In which mails are written; webhooks are for machines and stay English.
    language = models.CharField(max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE)
    is_on = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Telling(models.Model):
    """One piece of news for one channel; the row is the outbox. ``id`` is the webhook-id, the same at each try."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")  # given up

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="tellings")
    issue = models.ForeignKey(Issue, null=True, on_delete=models.CASCADE, related_name="tellings")  # None: a test
    event = models.CharField(max_length=20)  # issue.opened | issue.closed | test
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=255, blank=True)  # why the last try failed, in words

    class Meta:
        ordering = ("-created_at",)
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(status="pending"), name="telling_due"),
            models.Index(fields=["channel", "-created_at"], name="telling_of_channel"),
        ]
