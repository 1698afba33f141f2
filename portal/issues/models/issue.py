from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, Command, Site
from sessions.models import ChargingSession


class Severity(models.IntegerChoices):
    CRITICAL = 1, _("critical")  # somebody may come to harm, or many cannot charge
    MAJOR = 2, _("major")  # somebody cannot charge
    MINOR = 3, _("minor")  # it works, and will not for ever


class Issue(models.Model):
    """Something wrong with one charger, one site or the whole yard, from its first sight until it is proven gone.

    ``key`` says what is the same issue: while one is open, the same condition adds to it. ``charger`` and ``site`` are
    both empty for the whole yard. ``evidence``: list of {"at": ISO time or "", "text", and "exchange", "session" or
    "command" (a pk) where there is something to open}, gathered when it was opened.
    """

    rule = models.CharField(max_length=32)
    key = models.CharField(max_length=120)
    severity = models.PositiveSmallIntegerField(choices=Severity)
    charger = models.ForeignKey(Charger, null=True, blank=True, on_delete=models.CASCADE, related_name="issues")
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE, related_name="issues")
    session = models.ForeignKey(ChargingSession, null=True, blank=True, on_delete=models.CASCADE, related_name="issues")
    evse_id = models.PositiveIntegerField(default=0)  # 0: the charger as a whole
    title = models.CharField(max_length=255)  # one sentence
    facts = models.JSONField(default=dict, blank=True)  # what the rule needs to know it again, or to explain it
    evidence = models.JSONField(default=list, blank=True)
    times = models.PositiveIntegerField(default=1)  # how often it has come back
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # the condition was last found
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=255, blank=True)
    is_dismissed = models.BooleanField(default=False)  # closed by a person while it is still so: not opened again
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="assigned_issues"
    )
    snoozed_until = models.DateTimeField(null=True, blank=True)
    stepped_at = models.DateTimeField(null=True, blank=True)  # when the yard itself did the first step
    step = models.ForeignKey(Command, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")  # that order

    class Meta:
        ordering = ("severity", "-opened_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(closed_at=None), name="issue_is_open_once"),
        ]
        indexes = [
            models.Index(fields=["rule"], condition=Q(closed_at=None), name="issue_open"),
            models.Index(fields=["rule"], condition=Q(is_dismissed=True), name="issue_dismissed"),
            models.Index(fields=["-closed_at"], name="issue_closed"),
            models.Index(fields=["charger", "-opened_at"], name="issue_of_charger"),
            models.Index(fields=["stepped_at"], condition=Q(stepped_at__isnull=False), name="issue_stepped"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_snoozed(self) -> bool:
        return self.is_open and self.snoozed_until is not None and self.snoozed_until > timezone.now()


def awake(at: datetime) -> Q:
    """Condition on issues: open, and nobody has put them off."""
    return Q(closed_at=None) & (Q(snoozed_until=None) | Q(snoozed_until__lte=at))


class Note(models.Model):
    """One line in an issue's history: what the yard noticed, or what somebody did or said."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        CAME_BACK = "came_back", _("came back")
        CHANGED = "changed", _("changed")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        ASSIGNED = "assigned", _("assigned")
        SNOOZED = "snoozed", _("snoozed")
        WOKEN = "woken", _("no longer snoozed")
        COMMENTED = "commented", _("commented")
        STEPPED = "stepped", _("acted by itself")
        CLOSED = "closed", _("closed")

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ("at", "id")


class RuleSetting(models.Model):
    """What staff decided about a rule. ``patience_s``: None for the rule's own.

    ``step``: what the yard may do by itself, one of the rule's ``steps``; empty, as it is from the beginning: nothing.
    """

    rule = models.CharField(max_length=32, unique=True)
    is_on = models.BooleanField(default=True)
    patience_s = models.PositiveIntegerField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    step = models.CharField(max_length=16, blank=True)
