from __future__ import annotations

from django.db import models

from chargers.models.charger import Charger


class Notice(models.Model):
    """Something a charger told that we understand and keep, and that has no table of its own (yet).

    ``kind`` is our word for it, ``key`` names what it is about (a session, a payment, a control) so that the notices
    of one thing are found together, ``payload`` is what the charger said, in its version's words.
    """

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=255, blank=True)
    payload = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-received_at", "-id")
        indexes = [
            models.Index(fields=["charger", "-received_at"], name="notice_recent"),
            models.Index(fields=["charger", "kind", "key"], name="notice_by_key"),
        ]
