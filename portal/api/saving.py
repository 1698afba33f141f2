"""Two clients that create the same thing at once: the database decides, the loser hears 409 instead of 500."""

from __future__ import annotations

from typing import Generic, TypeVar

from django.db import IntegrityError, models, transaction
from rest_framework.serializers import BaseSerializer

from portal.api.problems import Conflict

M = TypeVar("M", bound=models.Model)


class OneOfAKind(Generic[M]):
    """For view sets whose rows are unique in some column. The serializer's own check answers all but the race."""

    def perform_create(self, serializer: BaseSerializer[M]) -> None:
        _save(serializer)

    def perform_update(self, serializer: BaseSerializer[M]) -> None:
        _save(serializer)


def _save(serializer: BaseSerializer[M]) -> None:
    try:
        with transaction.atomic():
            serializer.save()
    except IntegrityError:
        raise Conflict("Somebody has just saved the same; look at the list.") from None
