from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IdToken(models.Model):
    """A card, fob or app account that may charge. Compared ignoring case (OCPP CiString)."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        BLOCKED = "blocked", _("Blocked")

    value = models.CharField(max_length=255)
    value_folded = models.CharField(max_length=3 * 255, unique=True, editable=False)  # folded, "ΐ" has three characters
    kind = models.CharField(max_length=20, blank=True)  # 2.x: ISO14443, Central, eMAID …; empty: any
    status = models.CharField(max_length=10, choices=Status, default=Status.ACCEPTED)
    expires_at = models.DateTimeField(null=True, blank=True)
    group = models.CharField(max_length=36, blank=True)  # parentIdTag / groupIdToken
    holder = models.CharField(max_length=120, blank=True)
    # How many cars it may charge at once; None: what the house says (``ONE_SESSION_PER_TOKEN``).
    session_limit = models.PositiveSmallIntegerField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)  # by it we know which local lists are old
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("value_folded",)

    def __str__(self) -> str:
        return self.value

    def save(self, *args: object, **kwargs: object) -> None:
        self.value_folded = self.value.casefold()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()
