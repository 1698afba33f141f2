"""What a site is told from outside, and what its plans saw over the day."""

from __future__ import annotations

from django.db import models

from chargers.models import Site


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
