from __future__ import annotations

from django.db import models

from chargers.models.charger import Charger


class ConnectorStatus(models.TextChoices):
    UNKNOWN = "unknown"
    AVAILABLE = "available"
    PREPARING = "preparing"
    OCCUPIED = "occupied"
    CHARGING = "charging"
    SUSPENDED_EV = "suspended_ev", "suspended by car"
    SUSPENDED_EVSE = "suspended_evse", "suspended by charger"
    FINISHING = "finishing"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"


class Connector(models.Model):
    """A plug. OCPP 1.6 connector n is EVSE n, connector 1; (0, 0) is the charger as a whole."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="connectors", db_index=False)
    evse_id = models.PositiveIntegerField()
    connector_id = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=16, choices=ConnectorStatus, default=ConnectorStatus.UNKNOWN)
    error_code = models.CharField(max_length=64, blank=True)
    vendor_error_code = models.CharField(max_length=64, blank=True)
    info = models.CharField(max_length=255, blank=True)
    status_at = models.DateTimeField(null=True, blank=True)  # server time
    power_w = models.FloatField(null=True, blank=True)
    power_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("charger", "evse_id", "connector_id")
        constraints = [
            models.UniqueConstraint(fields=["charger", "evse_id", "connector_id"], name="connector_is_unique")
        ]
        indexes = [models.Index(fields=["status"], name="connector_status")]

    def __str__(self) -> str:
        return f"{self.charger.identity} · {self.label}"

    @property
    def label(self) -> str:
        if self.evse_id == 0:
            return "charger"
        return f"{self.evse_id}" if self.connector_id == 1 else f"{self.evse_id}.{self.connector_id}"


class StatusChange(models.Model):
    """One reported status of a connector, as it came. OCPP StatusNotification."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="status_changes", db_index=False)
    evse_id = models.PositiveIntegerField()
    connector_id = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=16, choices=ConnectorStatus)
    error_code = models.CharField(max_length=64, blank=True)
    vendor_error_code = models.CharField(max_length=64, blank=True)
    info = models.CharField(max_length=255, blank=True)
    received_at = models.DateTimeField()
    device_time = models.CharField(max_length=64, blank=True)  # the charger's text, untouched

    class Meta:
        ordering = ("-received_at", "-id")
        indexes = [models.Index(fields=["charger", "-received_at"], name="status_change_recent")]
