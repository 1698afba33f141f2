from __future__ import annotations

from django.db import models

from chargers.models.charger import Charger


class DisplayMessage(models.Model):
    """A text that a charger shows, or will show, to people at it (OCPP 2.x)."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="display_messages")
    message_id = models.BigIntegerField()
    priority = models.CharField(max_length=12)  # front | in_front | cycle
    state = models.CharField(max_length=12, blank=True)  # charging | faulted | idle | unavailable; empty: always
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    transaction_id = models.CharField(max_length=64, blank=True)  # shown during this session only
    format = models.CharField(max_length=8)  # ASCII | HTML | URI | UTF8
    language = models.CharField(max_length=8, blank=True)
    content = models.TextField()
    reported_at = models.DateTimeField()

    class Meta:
        ordering = ("message_id",)
        constraints = [
            models.UniqueConstraint(fields=["charger", "message_id"], name="display_message_is_unique_on_charger")
        ]


class CustomerRecord(models.Model):
    """One part of what a charger told us that it holds about a customer. Personal: shown to staff, never passed on."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="customer_records")
    request_id = models.BigIntegerField()  # of the command that asked for it
    seq_no = models.BigIntegerField()
    data = models.TextField(blank=True)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("request_id", "seq_no")
        constraints = [
            models.UniqueConstraint(fields=["charger", "request_id", "seq_no"], name="customer_record_is_unique")
        ]
