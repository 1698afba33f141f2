"""Who goes first: a setting is tried on one charger of a model and firmware before the others get it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from chargers.models import Write
from chargers.models.desired import UNDER_WAY

Status = Write.Status


class Trials:
    """A setting that nobody of a model and firmware has kept for a while is tried on one of them first."""

    def __init__(self, at: datetime) -> None:
        self._proven_before = at - timedelta(seconds=settings.CONFIGURATION_TRIAL_S)
        self._open: dict[tuple[str, ...], bool] = {}  # by kind of charger and path: whether the next one may

    def may_try(self, write: Write) -> bool:
        charger = write.charger
        if not settings.CONFIGURATION_TRIAL_S or write.rollout.takes_back_id:
            return True
        kind = (charger.vendor, charger.model, charger.firmware_version, write.path.casefold())
        if kind not in self._open:
            written = kin(write).filter(times__gte=1)
            if written.filter(status=Status.DONE, settled_at__lte=self._proven_before).exists():
                self._open[kind] = True
            else:
                lately = Q(status=Status.DONE, settled_at__gt=self._proven_before)
                self._open[kind] = False
                return not kin(write).filter(Q(status__in=(*UNDER_WAY, Status.REBOOT)) | lately, times__gte=1).exists()
        return self._open[kind]


def kin(write: Write) -> QuerySet[Write]:
    """Writes of the same setting to chargers of the same vendor, model and firmware."""
    charger = write.charger
    return Write.objects.filter(
        path__iexact=write.path,
        charger__vendor=charger.vendor,
        charger__model=charger.model,
        charger__firmware_version=charger.firmware_version,
    )
