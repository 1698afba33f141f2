from __future__ import annotations

from django.conf import settings
from django.db import models


class Job(models.Model):
    """One order to many chargers: a command for each, watched and withdrawn together."""

    title = models.CharField(max_length=120)  # what is ordered, for people
    verb = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict, blank=True)
    chosen_by = models.CharField(max_length=500, blank=True)  # the filter by which the chargers were chosen
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.title
