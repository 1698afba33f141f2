from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chargers.models.charger import Charger


class Setting(models.Model):
    """One configuration value as the charger reported it: a key of OCPP 1.6, a variable attribute of 2.x."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="settings")
    component = models.CharField(max_length=50, blank=True)  # empty in 1.6
    component_instance = models.CharField(max_length=50, blank=True)
    evse_id = models.PositiveIntegerField(default=0)  # 0: the charger
    connector_id = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=64)
    instance = models.CharField(max_length=50, blank=True)
    attribute = models.CharField(max_length=10, default="Actual")  # Actual | Target | MinSet | MaxSet
    value = models.TextField(blank=True)
    is_readonly = models.BooleanField(default=False)
    is_writeonly = models.BooleanField(default=False)
    is_known = models.BooleanField(default=True)  # False: we asked, it does not have it
    needs_reboot = models.BooleanField(default=False)  # written, in force after the next boot
    data_type = models.CharField(max_length=20, blank=True)
    unit = models.CharField(max_length=16, blank=True)
    options = models.TextField(blank=True)  # comma-separated values it may take
    reported_at = models.DateTimeField()

    class Meta:
        ordering = ("component", "component_instance", "evse_id", "connector_id", "name", "instance", "attribute")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "charger", "component", "component_instance", "evse_id", "connector_id",
                    "name", "instance", "attribute",
                ],
                name="setting_is_unique",
            )
        ]  # fmt: skip

    @property
    def path(self) -> str:
        """Its name in one line: `HeartbeatInterval`, or `EVSE[#1].AvailabilityState`."""
        component = self.component + (f"#{self.component_instance}" if self.component_instance else "")
        place = "".join(f":{n}" for n in (self.evse_id, self.connector_id) if n)
        variable = self.name + (f"#{self.instance}" if self.instance else "")
        attribute = "" if self.attribute == "Actual" else f" ({self.attribute})"
        return (f"{component}{place}." if component else "") + variable + attribute


class Transfer(models.Model):
    """A step of a firmware update or of a log upload, as the charger told it."""

    class Kind(models.TextChoices):
        FIRMWARE = "firmware", _("Firmware")
        DIAGNOSTICS = "diagnostics", _("Diagnostics")
        LOG = "log", _("Log")
        PUBLICATION = "publication", _("Publication")  # of a firmware by a local controller, for the chargers behind it

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="transfers")
    kind = models.CharField(max_length=12, choices=Kind)
    status = models.CharField(max_length=40)  # the specification's word
    request_id = models.IntegerField(null=True, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-received_at", "-id")
        indexes = [models.Index(fields=["charger", "-received_at"], name="transfer_recent")]


class VendorMessage(models.Model):
    """A DataTransfer in either direction, kept for whoever understands it."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="vendor_messages")
    vendor_id = models.CharField(max_length=255)
    message_id = models.CharField(max_length=50, blank=True)
    data = models.TextField(blank=True)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-received_at", "-id")
