"""How a site shares its power: who leads it, its tree of limits, and the ledger of what was sent."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, Command, Site
from sessions.models import ChargingSession


class Leader(models.TextChoices):
    """Who leads a site, see `smartcharging.handover`."""

    CLOUD = "cloud", _("this yard")
    EDGE = "edge", _("the edge at the site")
    RETURNING = "returning", _("the edge, asked to hand back")


class SitePlan(models.Model):
    """How a site shares its power. ``version`` grows with each plan: a planner with an older one writes nothing.

    ``epoch`` grows each time another leads. ``edge_heard_at``: the last report of this epoch; ``edge_version`` and
    ``edge_kept_frames`` (what it keeps until we confirm it) are what it said there, ``edge_sample`` what of its five
    minutes is in ours already, see `smartcharging.day.told_by_edge`.

    ``building_worst_a``: what else may draw from the connection, counted while its meter is silent.
    """

    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="plan")
    is_on = models.BooleanField(default=False)
    version = models.PositiveBigIntegerField(default=0)
    leader = models.CharField(max_length=9, choices=Leader, default=Leader.CLOUD)
    epoch = models.PositiveIntegerField(default=0)
    edge_heard_at = models.DateTimeField(null=True, blank=True)
    edge_version = models.CharField(max_length=32, blank=True)
    edge_kept_frames = models.PositiveIntegerField(default=0)
    edge_sample = models.JSONField(null=True, blank=True)
    lease_s = models.PositiveIntegerField(default=300)
    default_a = models.FloatField(default=0.0)  # what a car gets that starts without us
    volts = models.FloatField(default=230.0)
    looks_ahead = models.BooleanField(default=False)  # plan by linear programme, see `smartcharging.plan`
    building_worst_a = models.JSONField(default=list)  # [L1, L2, L3]
    building_a = models.JSONField(null=True, blank=True)  # as measured
    building_at = models.DateTimeField(null=True, blank=True)
    next_due_at = models.DateTimeField(null=True, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    fullness = models.FloatField(default=0.0)  # the ledger's sum over the limit, at the fullest
    unsafe_since = models.DateTimeField(null=True, blank=True)  # that is above 1 since then
    problem = models.CharField(max_length=500, blank=True)  # why it could not be planned

    class Meta:
        indexes = [models.Index(fields=["next_due_at"], condition=models.Q(is_on=True), name="plan_due")]

    def fill(self, fullness: float, *, at: datetime) -> bool:
        """How full the site is now; whether it is safe. Not saved."""
        self.fullness = min(fullness, 1e9)
        is_safe = fullness <= 1 + 1e-6
        self.unsafe_since = None if is_safe else self.unsafe_since or at
        return is_safe


class LeadChange(models.Model):
    """Another led a site from then on. ``by``: who, or what, asked for it."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="lead_changes")
    at = models.DateTimeField()
    epoch = models.PositiveIntegerField()
    leader = models.CharField(max_length=9, choices=Leader)
    by = models.CharField(max_length=160, blank=True)
    is_edge_off = models.BooleanField(default=False)  # whoever took it back said that the edge did not run

    class Meta:
        ordering = ("-at", "-id")
        indexes = [models.Index(fields=["site", "-at"], name="lead_change_recent")]


class LimitNode(models.Model):
    """A connection, panel or circuit of a site, see `smartcharging.grid.Node`."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="limit_nodes")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="below")
    name = models.CharField(max_length=120)
    l1_a = models.FloatField()
    l2_a = models.FloatField(default=0.0)
    l3_a = models.FloatField(default=0.0)
    limit_w = models.FloatField(null=True, blank=True)
    buffer_a = models.FloatField(default=0.0)

    class Meta:
        ordering = ("site", "id")
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="limit_node_is_unique")]


class Outlet(models.Model):
    """An EVSE in the tree, and what its charger is trusted with, see `smartcharging.ledger.Outlet`."""

    node = models.ForeignKey(LimitNode, on_delete=models.CASCADE, related_name="outlets")
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="outlets")
    evse_id = models.PositiveIntegerField()
    cable_a = models.FloatField(default=32.0)
    phases = models.PositiveSmallIntegerField(default=3)
    rotation = models.CharField(max_length=3, default="RST")
    trust = models.CharField(max_length=1, default="A")  # A | B | C
    default_command = models.ForeignKey(Command, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    above_since = models.DateTimeField(null=True, blank=True)  # measured above its limit, without a break
    is_wild = models.BooleanField(default=False)
    enough_a = models.FloatField(null=True, blank=True)  # its car draws less than it may: so much is enough for now
    target_a = models.FloatField(default=0.0)  # of the last plan
    bound_by = models.CharField(max_length=160, blank=True)  # the limit that held it back
    is_queued = models.BooleanField(default=False)
    edge_worst_a = models.FloatField(null=True, blank=True)  # in the ledger of the edge, while it leads

    class Meta:
        ordering = ("node", "charger", "evse_id")
        constraints = [models.UniqueConstraint(fields=["charger", "evse_id"], name="outlet_is_unique")]


class Limit(models.Model):
    """A limit that was sent and may be in force: an entry of the ledger, written before its message leaves."""

    outlet = models.ForeignKey(Outlet, on_delete=models.CASCADE, related_name="limits")
    session = models.ForeignKey(ChargingSession, on_delete=models.CASCADE, related_name="limits")
    kind = models.CharField(max_length=5)  # floor | lease
    limit_a = models.FloatField()
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)  # None: never
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    is_confirmed = models.BooleanField(default=False)  # told otherwise than by its command

    class Meta:
        ordering = ("id",)
