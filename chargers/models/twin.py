from __future__ import annotations

from django.db import models
from django.utils import timezone

from chargers.models.charger import Charger


class Twin(models.Model):
    """What a directory of devices elsewhere (AWS IoT) has been told of a charger. The row is the outbox.

    It outlives its charger until the other side has been told of that as well.
    """

    charger = models.OneToOneField(Charger, null=True, on_delete=models.SET_NULL, related_name="twin")
    thing = models.CharField(max_length=128, unique=True)  # its name there
    is_there = models.BooleanField(default=False)
    # Which one of that name it is: made again, it has another. Empty: there is none, or it was made before we kept ids.
    thing_id = models.CharField(max_length=64, blank=True, default="")
    told = models.JSONField(default=dict)  # what was said last, by part
    told_at = models.DateTimeField(null=True)  # all that had happened until then
    changed_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)  # not before; later after a failure
    failures = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True)  # for people: why the last attempt failed
    # What the other side wants: path of a setting → value, as `Setting.path` writes it.
    desired = models.JSONField(default=dict)
    # What stands there as wanted, by both sides, and in which version; 0: it has to be looked at before it is written.
    shown = models.JSONField(default=dict)
    desired_version = models.PositiveBigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="twin_due")]

    def __str__(self) -> str:
        return self.thing
