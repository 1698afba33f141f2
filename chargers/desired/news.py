"""Tells pages that how chargers stand to what is wanted of them has changed."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from chargers.models import Standing
from chargers.signals import configuration_changed


def announce(charger_ids: Collection[int]) -> None:
    """After the commit; without chargers: it is a rollout or template as such that has changed."""
    ids = set(charger_ids)
    transaction.on_commit(lambda: configuration_changed.send_robust(sender=Standing, charger_ids=ids))
