from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from chargers.models import Site


class Tariff(models.Model):
    """What drivers pay at a site from a moment on, until the next row of the site. Never changed, never deleted.

    Amounts are in ``currency`` (ISO 4217) and include what taxes there are.
    """

    # None: it is for all sites that have none of their own, or its site is gone and its sessions still name it.
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.SET_NULL, related_name="tariffs")
    is_for_all = models.BooleanField(default=False)
    from_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    per_kwh = models.DecimalField(max_digits=10, decimal_places=5)
    per_minute = models.DecimalField(max_digits=10, decimal_places=5, default=0)
    start_fee = models.DecimalField(max_digits=10, decimal_places=5, default=0)
    is_withdrawn = models.BooleanField(default=False)  # from here on the site has none of its own
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    via = models.CharField(max_length=40)  # "portal", or the name of an API key

    class Meta:
        ordering = ("-from_at", "-id")
        indexes = [
            models.Index(fields=["site", "-from_at", "-id"], name="tariff_of_site"),
            models.Index(fields=["-from_at", "-id"], condition=Q(is_for_all=True), name="tariff_for_all"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(per_kwh__gte=0, per_minute__gte=0, start_fee__gte=0), name="tariff_is_not_negative"
            )
        ]
