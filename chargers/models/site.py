from __future__ import annotations

from django.db import models


class Site(models.Model):
    """A place with chargers and one grid connection; its time zone is the one its people live in."""

    name = models.CharField(max_length=120, unique=True)
    address = models.CharField(max_length=255, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")  # IANA name
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
