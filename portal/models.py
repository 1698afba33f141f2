"""What people at the desk keep: views of lists, files that they bring in, when they were here, forms that they sent.

And what they prefer.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A list as somebody wants to see it. Its whole state is the query of a URL: filters, columns and order."""

    page = models.CharField(max_length=20)  # name of the list's URL
    name = models.CharField(max_length=60)
    query = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    is_shared = models.BooleanField(default=False)  # everybody sees it, its owner changes it

    class Meta:
        ordering = ("name", "id")
        constraints = [models.UniqueConstraint(fields=["owner", "page", "name"], name="saved_view_is_unique")]

    def __str__(self) -> str:
        return self.name


class Import(models.Model):
    """A table that was uploaded and waits, judged but not carried out, until its owner agrees to what it would do."""

    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=120)  # of the file
    content = models.TextField()  # may hold passwords: emptied when it is carried out, deleted after a day
    makes_sites = models.BooleanField(default=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports")
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")


class Visit(models.Model):
    """When a person was here: by it the desk knows what changed since."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="visit")
    seen_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)  # the end of the visit before this one


class Preference(models.Model):
    """How a person wants the desk, at whichever browser."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preference")
    language = models.CharField(max_length=10, blank=True)  # one of LANGUAGES; empty: as the browser asks


class Deed(models.Model):
    """A form that somebody sent, by the key that it came with (`portal.deeds`)."""

    key = models.CharField(max_length=32)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    led_to = models.TextField(blank=True)  # empty while it is carried out
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="deed_is_done_once")]
