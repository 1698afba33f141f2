from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext_lazy as _

from chargers import statements
from chargers.models.charger import Charger


class ConnectorStatus(models.TextChoices):
    UNKNOWN = "unknown", _("Unknown")
    AVAILABLE = "available", _("Available")
    PREPARING = "preparing", _("Preparing")
    OCCUPIED = "occupied", _("Occupied")
    CHARGING = "charging", _("Charging")
    SUSPENDED_EV = "suspended_ev", _("suspended by car")
    SUSPENDED_EVSE = "suspended_evse", _("suspended by charger")
    FINISHING = "finishing", _("Finishing")
    RESERVED = "reserved", _("Reserved")
    UNAVAILABLE = "unavailable", _("Unavailable")
    FAULTED = "faulted", _("Faulted")


# A charger as a whole shows the first of these that any of its connectors has: what needs a person comes first.
LEADING = (
    ConnectorStatus.FAULTED,
    ConnectorStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
    ConnectorStatus.PREPARING,
    ConnectorStatus.FINISHING,
    ConnectorStatus.OCCUPIED,
    ConnectorStatus.RESERVED,
    ConnectorStatus.AVAILABLE,
    ConnectorStatus.UNAVAILABLE,
)


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

    def save(self, *args: object, **kwargs: object) -> None:
        super().save(*args, **kwargs)  # type: ignore[arg-type]
        lead({self.charger_id})

    @property
    def label(self) -> str:
        if self.evse_id == 0:
            return "charger"
        return f"{self.evse_id}" if self.connector_id == 1 else f"{self.evse_id}.{self.connector_id}"


_IDS = (("id", "bigint"),)
_RANKS = " ".join(f"WHEN '{status.value}' THEN {rank}" for rank, status in enumerate(LEADING))


def lead(charger_ids: Collection[int]) -> None:
    """Bring ``leading_status`` of these chargers up to date; those that it does not change are not written."""
    if not charger_ids:
        return
    statements.execute(
        "UPDATE chargers_charger SET leading_status = led.status FROM (SELECT v.id, COALESCE((SELECT c.status "  # noqa: S608
        f"FROM chargers_connector c WHERE c.charger_id = v.id ORDER BY CASE c.status {_RANKS} ELSE {len(LEADING)} END "
        f"LIMIT 1), 'unknown') AS status FROM {statements.recordset('v', _IDS)}) led "
        "WHERE chargers_charger.id = led.id AND chargers_charger.leading_status <> led.status",
        statements.records(_IDS, [(pk,) for pk in sorted(charger_ids)]),
    )


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
