"""The tables of who may draw how much."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, Command, Site
from sessions.models import ChargingSession


class InstalledProfile(models.Model):
    """A charging profile that a charger confirmed to hold; ``schedules`` in our words, each with its unit, A or W."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="installed_profiles")
    evse_id = models.PositiveIntegerField(default=0)  # 0: the whole charger
    profile_id = models.IntegerField()
    stack_level = models.IntegerField()
    purpose = models.CharField(max_length=40)
    kind = models.CharField(max_length=16)
    recurrency = models.CharField(max_length=8, blank=True)
    transaction_id = models.CharField(max_length=64, blank=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    schedules = models.JSONField(default=list)
    max_offline_s = models.PositiveIntegerField(null=True, blank=True)  # how long it holds without a link (2.1)
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    installed_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id", "purpose", "-stack_level")
        constraints = [models.UniqueConstraint(fields=["charger", "profile_id"], name="profile_is_unique_on_charger")]


class SavedProfile(models.Model):
    """A charging profile of the library; ``draft`` see `smartcharging.drafts`. ``version`` grows when it changes."""

    name = models.CharField(max_length=120, unique=True)
    note = models.CharField(max_length=500, blank=True)
    draft = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Placement(models.Model):
    """A profile of the library that an EVSE should hold, and whether it does. ``told``: why, a sentence for people.

    ``number``: of the profile at that charger. ``profile``: as it was ordered, with the moments of that place.
    """

    class State(models.TextChoices):
        ORDERED = "ordered", _("on its way")
        TAKEN = "taken", _("accepted, being read back")
        HELD = "held", _("held")
        DIFFERS = "differs", _("not as ordered")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("taken back")

    saved = models.ForeignKey(SavedProfile, on_delete=models.CASCADE, related_name="placements")
    saved_version = models.PositiveIntegerField()
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="placements")
    evse_id = models.PositiveIntegerField(default=0)  # 0: the whole charger
    session = models.ForeignKey(ChargingSession, null=True, on_delete=models.CASCADE, related_name="placements")
    number = models.PositiveIntegerField()
    profile = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.ORDERED)
    told = models.CharField(max_length=500, blank=True)
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    reading = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")  # that reads it back
    looked_at = models.DateTimeField(null=True, blank=True)  # read back; a later boot asks for another look
    put_back_at = models.DateTimeField(null=True, blank=True)  # lost, and ordered once more
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id")
        constraints = [
            models.UniqueConstraint(fields=["saved", "charger", "evse_id"], name="placement_is_unique"),
        ]
        indexes = [
            models.Index(fields=["state"], condition=models.Q(state__in=["ordered", "taken"]), name="placement_open"),
        ]


class CompositeReport(models.Model):
    """What a charger says that it may draw, in answer to a question. ``schedule`` as of `InstalledProfile`; None: it
    did not say.
    """

    command = models.OneToOneField(Command, on_delete=models.CASCADE, related_name="composite_report")
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="composite_reports")
    evse_id = models.PositiveIntegerField(default=0)
    begins_at = models.DateTimeField()
    schedule = models.JSONField(null=True)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ("-told_at",)
        indexes = [models.Index(fields=["charger", "evse_id", "-told_at"], name="composite_report_recent")]


class ExternalLimit(models.Model):
    """A limit that somebody else set on a charger (a grid operator, a building), told by the charger itself."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="external_limits")
    evse_id = models.PositiveIntegerField(default=0)  # 0: the whole charger
    source = models.CharField(max_length=20)  # EMS | SO | CSO | Other
    is_grid_critical = models.BooleanField(default=False)
    schedules = models.JSONField(default=list)  # as of `InstalledProfile`
    told_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id", "source")
        constraints = [
            models.UniqueConstraint(fields=["charger", "evse_id", "source"], name="external_limit_is_unique")
        ]


class ChargingNeeds(models.Model):
    """What the car at an EVSE said it needs, and how it means to charge (ISO 15118): the latest word of each EVSE.

    ``parameters``: W, Wh, A, V and percent, as the car told them; ``schedule`` as of `InstalledProfile`.
    """

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="charging_needs")
    evse_id = models.PositiveIntegerField()
    session = models.ForeignKey(ChargingSession, null=True, on_delete=models.CASCADE, related_name="charging_needs")
    energy_transfer = models.CharField(max_length=24, blank=True)  # DC | AC_single_phase | …
    energy_wh = models.BigIntegerField(null=True, blank=True)
    soc_percent = models.FloatField(null=True, blank=True)
    departs_at = models.DateTimeField(null=True, blank=True)
    parameters = models.JSONField(default=dict)
    schedule = models.JSONField(null=True, blank=True)  # None: it has not said
    told_at = models.DateTimeField()

    class Meta:
        ordering = ("charger", "evse_id")
        constraints = [models.UniqueConstraint(fields=["charger", "evse_id"], name="charging_needs_are_unique")]


class Leader(models.TextChoices):
    """Who leads a site, see `smartcharging.handover`."""

    CLOUD = "cloud", _("this yard")
    EDGE = "edge", _("the edge at the site")
    RETURNING = "returning", _("the edge, asked to hand back")


class SitePlan(models.Model):
    """How a site shares its power. ``version`` grows with each plan: a planner with an older one writes nothing.

    ``epoch`` grows each time another leads. ``edge_heard_at``: the last report of this epoch.

    ``building_worst_l1_a`` …: what else may draw from the connection, counted while its meter is silent.
    """

    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="plan")
    is_on = models.BooleanField(default=False)
    version = models.PositiveBigIntegerField(default=0)
    leader = models.CharField(max_length=9, choices=Leader, default=Leader.CLOUD)
    epoch = models.PositiveIntegerField(default=0)
    edge_heard_at = models.DateTimeField(null=True, blank=True)
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
    problem = models.CharField(max_length=500, blank=True)  # why it could not be planned

    class Meta:
        indexes = [models.Index(fields=["next_due_at"], condition=models.Q(is_on=True), name="plan_due")]


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
    is_confirmed = models.BooleanField(default=False)

    class Meta:
        ordering = ("id",)


class CapacitySignal(models.Model):
    """Somebody limits a whole site for a time, see `smartcharging.grid.Signal`."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="capacity_signals")
    source = models.CharField(max_length=80)
    limit_w = models.FloatField()
    from_at = models.DateTimeField()
    to_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ("site", "from_at")


class EnergyPrice(models.Model):
    """What a kWh costs at a site from a moment on, until the next row; grams of CO₂ where they are known."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="energy_prices")
    from_at = models.DateTimeField()
    per_kwh = models.DecimalField(max_digits=10, decimal_places=5)
    co2_g_per_kwh = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ("site", "from_at")
        constraints = [models.UniqueConstraint(fields=["site", "from_at"], name="energy_price_is_unique")]


class SiteSample(models.Model):
    """Five minutes of a site as its plans saw them: the highest currents on L1, L2, L3, the lowest limit, and sums.

    ``limit_a``: what building and cars may draw together; ``worst_a``: what cars may draw if everything breaks.
    ``wanted_ah``: what the cars wanted (see `planning.share`), ``given_ah``: what of it they were allowed; per phase.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="samples", db_index=False)
    at = models.DateTimeField()
    limit_a = models.JSONField()
    building_a = models.JSONField()
    cars_a = models.JSONField()
    worst_a = models.JSONField()
    cars_w = models.FloatField(default=0)
    queued = models.PositiveIntegerField(default=0)
    pauses = models.PositiveIntegerField(default=0)
    wanted_ah = models.FloatField(default=0)
    given_ah = models.FloatField(default=0)
    overload_s = models.FloatField(default=0)

    class Meta:
        ordering = ("site", "at")
        constraints = [models.UniqueConstraint(fields=["site", "at"], name="site_sample_is_unique")]
        indexes = [models.Index(fields=["at"], name="site_sample_by_time")]


class Probe(models.Model):
    """A charger is tried at one EVSE: a short limit, and whether it holds and ends; see `smartcharging.probing`."""

    class State(models.TextChoices):
        SETTING = "setting", _("the limit is on its way")
        READING = "reading", _("asked what it may draw")
        WAITING = "waiting", _("until the limit ends")
        ENDING = "ending", _("asked once more")
        DONE = "done", _("Done")

    outlet = models.ForeignKey(Outlet, on_delete=models.CASCADE, related_name="probes")
    state = models.CharField(max_length=8, choices=State, default=State.SETTING)
    firmware_version = models.CharField(max_length=64, blank=True)
    why = models.CharField(max_length=120)  # who or what asked for it
    limit_a = models.FloatField()
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # of the limit
    setting = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    reading = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    verdict = models.CharField(max_length=1, blank=True)  # A | B | C
    reasons = models.JSONField(default=list)  # sentences
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-began_at",)
        indexes = [models.Index(fields=["state"], condition=~models.Q(state="done"), name="probe_open")]
