from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger
from sessions.models.tariff import Tariff
from sessions.models.token import IdToken


class ChargingSession(models.Model):
    """One car on one connector, from plug or start to stop.

    Energies are Wh registers of the charger's meter. ``started_at`` and ``stopped_at`` are when it happened: the
    charger's clock when it is plausible, else ours; ``…_received_at`` is always ours, ``…_device_time`` its text.
    """

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="sessions", db_index=False)
    evse_id = models.PositiveIntegerField(default=0)
    connector_id = models.PositiveIntegerField(default=1)
    # 1.6: our pk as text; 2.x: the charger's own id. Empty only between insert and the same transaction's update.
    transaction_id = models.CharField(max_length=64, blank=True)
    start_key = models.UUIDField(null=True, blank=True)  # digest of what makes a start the same start (1.6)

    id_token = models.ForeignKey(
        IdToken, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions", db_index=False
    )
    token_value = models.CharField(max_length=255, blank=True)  # as sent
    token_verdict = models.CharField(max_length=16, blank=True)  # accepted | blocked | expired | invalid | concurrent
    started_at = models.DateTimeField()
    started_received_at = models.DateTimeField()
    started_device_time = models.CharField(max_length=64, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    stopped_received_at = models.DateTimeField(null=True, blank=True)
    stopped_device_time = models.CharField(max_length=64, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    stopped_by_token = models.CharField(max_length=255, blank=True)

    meter_start_wh = models.BigIntegerField(null=True, blank=True)
    meter_stop_wh = models.BigIntegerField(null=True, blank=True)
    meter_last_wh = models.FloatField(null=True, blank=True)
    energy_wh = models.BigIntegerField(null=True, blank=True)  # None: cannot be told
    meter_first_wh = models.FloatField(null=True, blank=True)  # the first reading that is not 0
    meter_first_at = models.DateTimeField(null=True, blank=True)
    power_max_w = models.FloatField(null=True, blank=True)
    # What it has most likely drawn where the registers are in doubt; people decide (`sessions.reviewing`).
    proposed_wh = models.BigIntegerField(null=True, blank=True)
    proposal = models.CharField(max_length=255, blank=True)  # the reason, a sentence
    proposed_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)  # energy_wh is what people decided
    # The one in force when it began; what it costs follows (`sessions.costs`). None: there was none.
    tariff = models.ForeignKey(Tariff, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    power_w = models.FloatField(null=True, blank=True)
    soc_percent = models.FloatField(null=True, blank=True)
    metered_at = models.DateTimeField(null=True, blank=True)

    charging_state = models.CharField(max_length=16, blank=True)  # as `ConnectorStatus`, from 2.x chargingState
    remote_start_id = models.IntegerField(null=True, blank=True)
    reservation_id = models.IntegerField(null=True, blank=True)
    last_seq_no = models.IntegerField(null=True, blank=True)  # 2.x
    is_incomplete = models.BooleanField(default=False)  # 2.x: a seqNo is missing; 1.6: the start never came
    is_superseded = models.BooleanField(default=False)  # another started on its connector; its end is unknown
    needs_review = models.BooleanField(default=False)
    review_reasons = models.JSONField(default=list, blank=True)  # sentences
    # Its hours from here on are to be rolled up again (`sessions.rollups`); None: they are as told.
    stale_from = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["transaction_id", "charger"],  # in this order it finds an id on any charger, too
                condition=~Q(transaction_id=""),
                name="session_transaction_is_unique",
            ),
            models.UniqueConstraint(fields=["charger", "start_key"], name="session_start_is_unique"),
        ]
        indexes = [
            models.Index(fields=["charger", "-started_at"], name="session_recent"),
            models.Index(fields=["-started_at"], name="session_by_start"),
            models.Index(fields=["id_token", "-started_at"], name="session_of_token"),
            models.Index(fields=["token_value"], condition=Q(id_token=None), name="session_of_unknown_token"),
            models.Index(fields=["charger"], condition=Q(stopped_at=None), name="session_open"),
            models.Index(fields=["-started_at"], condition=Q(needs_review=True), name="session_to_review"),
            models.Index(fields=["-started_received_at"], condition=Q(is_incomplete=True), name="session_incomplete"),
            models.Index(fields=["stale_from"], condition=Q(stale_from__isnull=False), name="session_stale"),
            models.Index(fields=["-started_received_at"], name="session_by_receipt"),
            models.Index(fields=["-stopped_received_at"], name="session_by_end"),
        ]

    def __str__(self) -> str:
        return f"session {self.pk} on {self.charger.identity}"

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None and not self.is_superseded


class SessionEvent(models.Model):
    """A message that started, changed or stopped a session, once: repeats are recognised by ``key``.

    A second version of a stored fact (same key, other content) is kept as a conflict and changes nothing.
    """

    class Kind(models.TextChoices):
        STARTED = "started", _("Started")
        UPDATED = "updated", _("Updated")
        STOPPED = "stopped", _("Stopped")

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="session_events", db_index=False)
    session = models.ForeignKey(ChargingSession, null=True, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=8, choices=Kind)
    key = models.UUIDField()
    digest = models.UUIDField()  # of the whole payload
    is_conflict = models.BooleanField(default=False)
    seq_no = models.IntegerField(null=True, blank=True)
    trigger = models.CharField(max_length=40, blank=True)
    is_offline = models.BooleanField(default=False)
    device_time = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    payload = models.JSONField()

    class Meta:
        ordering = ("received_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["charger", "key", "digest"], name="session_event_is_unique"),
        ]


class MeterValue(models.Model):
    """What the meter showed at one moment: the common measurands as columns, all of them in ``samples``.

    ``samples``: list of {"measurand", "phase", "location", "unit", "value" (normalised: Wh, W, A, V, %, …) and "raw"
    (text as sent)}. ``energy_wh`` is the import register.
    """

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="meter_values", db_index=False)
    session = models.ForeignKey(
        ChargingSession, null=True, on_delete=models.CASCADE, related_name="meter_values", db_index=False
    )
    evse_id = models.PositiveIntegerField(default=0)
    connector_id = models.PositiveIntegerField(default=1)
    measured_at = models.DateTimeField()
    received_at = models.DateTimeField()
    device_time = models.CharField(max_length=64, blank=True)
    context = models.CharField(max_length=24, blank=True)
    energy_wh = models.FloatField(null=True, blank=True)
    power_w = models.FloatField(null=True, blank=True)
    current_a = models.FloatField(null=True, blank=True)  # largest phase
    voltage_v = models.FloatField(null=True, blank=True)
    soc_percent = models.FloatField(null=True, blank=True)
    samples = models.JSONField(default=list)
    is_suspect = models.BooleanField(default=False)  # implausible: kept, left out of totals
    # Device time (`chargers.rows.dated`) and digest of charger, evse, transaction, device time, context and measurands.
    # Partitions are by it, and the same reading gives the same key whenever it comes.
    key = models.UUIDField()
    digest = models.UUIDField()  # of the values

    class Meta:
        ordering = ("measured_at", "id")
        constraints = [models.UniqueConstraint(fields=["charger", "key", "digest"], name="meter_value_is_unique")]
        indexes = [models.Index(fields=["session", "measured_at"], name="meter_value_of_session")]


class SessionHour(models.Model):
    """What a session drew in one hour (UTC), rolled up from its registers and readings. Hours of nothing have no row.

    ``energy_wh`` of a session's hours adds up to the session's; ``charging_s`` is how long its register rose.
    """

    session = models.ForeignKey(ChargingSession, on_delete=models.CASCADE, related_name="hours", db_index=False)
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="session_hours", db_index=False)
    hour = models.DateTimeField()
    energy_wh = models.FloatField(default=0)
    peak_power_w = models.FloatField(null=True, blank=True)  # the largest that was told
    charging_s = models.FloatField(default=0)
    has_begun = models.BooleanField(default=False)  # the session, in this hour
    has_ended = models.BooleanField(default=False)
    register_wh = models.FloatField(null=True, blank=True)  # at the end of the hour, or as last read
    is_settled = models.BooleanField(
        default=False
    )  # the register was read after its end: what is told later adds nothing

    class Meta:
        ordering = ("hour", "id")
        constraints = [models.UniqueConstraint(fields=["session", "hour"], name="session_hour_is_unique")]
        indexes = [
            models.Index(fields=["charger", "hour"], name="session_hour_of_charger"),
            models.Index(fields=["hour"], name="session_hour_by_time"),
        ]


class Reservation(models.Model):
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="reservations")
    evse_id = models.PositiveIntegerField(default=0)
    reservation_id = models.IntegerField()
    token_value = models.CharField(max_length=255)
    expires_at = models.DateTimeField()
    status = models.CharField(max_length=16, default="accepted")  # accepted | cancelled | used | expired

    class Meta:
        ordering = ("-expires_at",)
        constraints = [models.UniqueConstraint(fields=["charger", "reservation_id"], name="reservation_is_unique")]
