from __future__ import annotations

from django.db import models
from django.db.models import Q

from chargers.models.charger import Charger
from chargers.sentences import phrase

# Close reason, for people, and by which a gateway finds what was taken from it.
REPLACED = phrase("replaced by a newer connection")


class Boot(models.Model):
    """One BootNotification and our verdict."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="boots", db_index=False)
    received_at = models.DateTimeField()
    epoch = models.PositiveBigIntegerField()
    vendor = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=64, blank=True)
    serial_number = models.CharField(max_length=64, blank=True)
    firmware_version = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    verdict = models.CharField(max_length=10)  # Accepted | Pending | Rejected
    interval_s = models.PositiveIntegerField()

    class Meta:
        ordering = ("-received_at", "-id")
        indexes = [models.Index(fields=["charger", "-received_at"], name="boot_recent")]


class Connection(models.Model):
    """One WebSocket of a charger, from handshake to close."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="connections", db_index=False)
    epoch = models.PositiveBigIntegerField()
    gateway = models.CharField(max_length=80)
    subprotocol = models.CharField(max_length=16)
    remote_address = models.CharField(max_length=64, blank=True)
    connected_at = models.DateTimeField()
    disconnected_at = models.DateTimeField(null=True, blank=True)
    close_code = models.PositiveIntegerField(null=True, blank=True)
    close_reason = models.CharField(max_length=200, blank=True)  # plain words: "replaced by a newer connection"

    class Meta:
        ordering = ("-connected_at", "-id")
        constraints = [models.UniqueConstraint(fields=["charger", "epoch"], name="connection_epoch_is_unique")]
        indexes = [
            models.Index(fields=["charger", "-connected_at"], name="connection_recent"),
            models.Index(fields=["gateway"], condition=Q(disconnected_at=None), name="connection_open_by_gateway"),
            models.Index(fields=["charger"], condition=Q(disconnected_at=None), name="connection_open"),
            models.Index(fields=["-disconnected_at"], name="connection_by_end"),
            models.Index(
                fields=["gateway", "disconnected_at"], condition=Q(close_reason=REPLACED), name="connection_replaced"
            ),
        ]


class PresenceHour(models.Model):
    """In which minutes of an hour a charger was heard: 60 bits instead of a row per heartbeat."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="presence_hours", db_index=False)
    hour = models.DateTimeField()  # UTC, on the hour
    minutes_heard = models.BigIntegerField(default=0)  # bit n set: heard in minute n
    heartbeats = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-hour",)
        constraints = [models.UniqueConstraint(fields=["charger", "hour"], name="presence_hour_is_unique")]


class GatewayProcess(models.Model):
    """A gateway process that says every few seconds that it lives; when it falls silent its chargers are offline."""

    name = models.CharField(max_length=80, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()


class WorkerProcess(models.Model):
    """A worker that writes here when it has nothing else to write: it proves that the database takes commits."""

    name = models.CharField(max_length=120, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
