"""What chargers are wanted to be set to, how each stands to it, and what became of bringing them there."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger
from chargers.models.command import Command
from chargers.models.site import Site
from chargers.models.tag import Tag

PATH_LENGTH = 300  # of a setting in one line, as `Setting.path` writes it
User = settings.AUTH_USER_MODEL


class Restarts(models.TextChoices):
    """Who restarts a charger that took a setting which is in force after its next boot."""

    BY_HAND = "by_hand", _("somebody releases each restart")
    WHEN_IDLE = "when_idle", _("by itself, once no car is connected")


class SettingTemplate(models.Model):
    """Values that chargers of some kind, in some places, are wanted to have. Empty patterns match everything.

    ``changed_at``: its values, patterns or assignments; `chargers.desired.templates` keeps it.
    """

    name = models.CharField(max_length=120, unique=True)
    notes = models.TextField(blank=True)
    vendor = models.CharField(max_length=64, blank=True)  # these three may hold * and ?, ignoring case
    model = models.CharField(max_length=64, blank=True)
    firmware = models.CharField(max_length=64, blank=True)
    priority = models.SmallIntegerField(default=0)  # of two that want the same setting the higher one has its way
    restarts = models.CharField(max_length=10, choices=Restarts, default=Restarts.BY_HAND)
    is_for_all = models.BooleanField(default=False)  # every charger that matches, wherever it stands
    sites = models.ManyToManyField(Site, blank=True, related_name="setting_templates")
    tags = models.ManyToManyField(Tag, blank=True, related_name="setting_templates")
    chargers = models.ManyToManyField(Charger, blank=True, related_name="setting_templates")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-priority", "name")

    def __str__(self) -> str:
        return self.name


class TemplateValue(models.Model):
    """One setting of a template: a key of OCPP 1.6, or a variable of 2.x by its path."""

    class Dialect(models.TextChoices):
        KEY = "key", _("key of OCPP 1.6")
        VARIABLE = "variable", _("variable of OCPP 2.x")

    template = models.ForeignKey(SettingTemplate, on_delete=models.CASCADE, related_name="values")
    dialect = models.CharField(max_length=8, choices=Dialect)
    path = models.CharField(max_length=PATH_LENGTH)
    path_folded = models.CharField(max_length=PATH_LENGTH, editable=False)  # names are compared ignoring case
    value = models.CharField(max_length=2500, blank=True)

    class Meta:
        ordering = ("dialect", "path_folded")
        constraints = [
            models.UniqueConstraint(fields=["template", "dialect", "path_folded"], name="template_value_is_unique")
        ]


class Standing(models.Model):
    """How a charger stands to one setting that is wanted of it, as we saw at the last look."""

    class State(models.TextChoices):
        SAME = "same", _("as wanted")
        REBOOT = "reboot", _("after the next boot")
        DIFFERS = "differs", _("differs")
        UNREAD = "unread", _("not read yet")
        UNKNOWN = "unknown", _("the charger has no such setting")
        READONLY = "readonly", _("read only")
        WRITEONLY = "writeonly", _("cannot be read back")
        FORBIDDEN = "forbidden", _("must not be written to this model")
        QUARANTINED = "quarantined", _("in quarantine")
        REFUSED = "refused", _("the charger refuses it")

    class Reason(models.TextChoices):
        NEVER = "never", _("not applied yet")
        ORDER = "order", _("by an order of ours")
        FIRMWARE = "firmware", _("reset by a firmware update")
        CHARGER = "charger", _("changed at the charger")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="standings", db_index=False)
    path = models.CharField(max_length=PATH_LENGTH)
    wanted = models.CharField(max_length=2500, blank=True)
    actual = models.TextField(null=True)  # None: not read
    template = models.ForeignKey(SettingTemplate, null=True, on_delete=models.CASCADE, related_name="standings")
    source = models.CharField(max_length=120)  # the template's name, or who else wants it
    state = models.CharField(max_length=12, choices=State)
    reason = models.CharField(max_length=10, choices=Reason, blank=True)  # of what differs
    why = models.CharField(max_length=255, blank=True)  # the same as a sentence
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")  # that changed it
    agreed_at = models.DateTimeField(null=True)  # it was last seen to be as wanted
    since = models.DateTimeField()  # it is in this state
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("charger", "path")
        constraints = [models.UniqueConstraint(fields=["charger", "path"], name="standing_is_unique")]
        indexes = [
            models.Index(fields=["state"], condition=~Q(state="same"), name="standing_not_same"),
        ]


DRIFTED = Q(state=Standing.State.DIFFERS) & ~Q(reason=Standing.Reason.NEVER)


class Reading(models.Model):
    """Whether a charger has to be looked at again: it told settings, moved, or something else is wanted of it."""

    charger = models.OneToOneField(Charger, primary_key=True, on_delete=models.CASCADE, related_name="reading")
    is_due = models.BooleanField(default=True)
    asked_at = models.DateTimeField(null=True)  # we last asked for what is wanted of it, unasked by anybody

    class Meta:
        indexes = [models.Index(fields=["charger"], condition=Q(is_due=True), name="reading_due")]


class Refusal(models.Model):
    """A charger does not take a value: it is not written again until another one is wanted, or a person says so."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="refusals", db_index=False)
    path = models.CharField(max_length=PATH_LENGTH)
    wanted = models.CharField(max_length=2500, blank=True)
    reads = models.TextField(null=True)  # what it said instead; None if it only said no
    why = models.CharField(max_length=255)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at",)
        constraints = [models.UniqueConstraint(fields=["charger", "path"], name="refusal_is_unique")]


class SettingQuarantine(models.Model):
    """A setting that sent a model with a firmware into a boot loop: nobody of that kind is written it again."""

    vendor = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=64, blank=True)
    firmware = models.CharField(max_length=64, blank=True)
    path = models.CharField(max_length=PATH_LENGTH)
    path_folded = models.CharField(max_length=PATH_LENGTH)
    charger = models.ForeignKey(Charger, null=True, on_delete=models.SET_NULL, related_name="+")  # that showed it
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")  # the write
    write = models.ForeignKey("Write", null=True, on_delete=models.SET_NULL, related_name="+")  # if one of a rollout
    why = models.CharField(max_length=255)
    boots_at = models.JSONField(default=list)  # ISO times
    opened_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-opened_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["vendor", "model", "firmware", "path_folded"],
                condition=Q(lifted_at=None),
                name="setting_is_quarantined_once",
            )
        ]

    @property
    def kind(self) -> str:
        """Vendor, model and firmware for people."""
        plate = " ".join(filter(None, (self.vendor, self.model)))
        return f"{plate or 'unnamed chargers'}, firmware {self.firmware or '–'}"


class Rollout(models.Model):
    """Bringing chargers to what is wanted of them, or back: of each one setting at a time, of many some at once."""

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    title = models.CharField(max_length=160)
    template = models.ForeignKey(SettingTemplate, null=True, on_delete=models.SET_NULL, related_name="rollouts")
    takes_back = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="taken_back_by")
    retry_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="retries")
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    restarts = models.CharField(max_length=10, choices=Restarts, default=Restarts.BY_HAND)
    parallel = models.PositiveSmallIntegerField(default=10)  # chargers at once
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    requested_via = models.CharField(max_length=20, blank=True)  # "portal", "rest"
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.status in (Rollout.Status.RUNNING, Rollout.Status.PAUSED)


class Write(models.Model):
    """One setting of one charger in a rollout, from waiting to read back."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        ASKING = "asking", _("reading what it has")
        WRITING = "writing", _("writing")
        READING = "reading", _("reading back")
        REBOOT = "reboot", _("waits for a restart")
        DONE = "done", _("as wanted")
        REJECTED = "rejected", _("rejected")
        REFUSED = "refused", _("reads back different")
        SKIPPED = "skipped", _("left alone")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="writes", db_index=False)
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="writes")
    path = models.CharField(max_length=PATH_LENGTH)
    value = models.CharField(max_length=2500, blank=True)
    old_value = models.TextField(null=True)  # before we wrote; None: not known
    read_value = models.TextField(null=True)  # what it says since
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    times = models.PositiveSmallIntegerField(default=0)  # it was written
    why = models.CharField(max_length=500, blank=True)
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")  # the last one of it
    written_at = models.DateTimeField(null=True)  # the charger took it
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["rollout", "charger", "path"], name="write_is_unique")]
        indexes = [
            models.Index(
                fields=["charger"], condition=Q(status__in=["asking", "writing", "reading"]), name="write_under_way"
            ),
            models.Index(fields=["charger"], condition=Q(status="reboot"), name="write_waits_for_boot"),
            models.Index(
                fields=["rollout"],
                condition=Q(status__in=["waiting", "asking", "writing", "reading", "reboot"]),
                name="write_open",
            ),
        ]


UNDER_WAY = (Write.Status.ASKING, Write.Status.WRITING, Write.Status.READING)
OPEN = (Write.Status.WAITING, *UNDER_WAY, Write.Status.REBOOT)
UNDONE = (Write.Status.FAILED, Write.Status.REJECTED, Write.Status.REFUSED)  # what a person may try again
