from __future__ import annotations

from typing import Any
from uuid import UUID

from django.apps import AppConfig


class ChargersConfig(AppConfig):
    name = "chargers"

    def ready(self) -> None:
        from chargers.signals import command_changed

        command_changed.connect(go_on_with_upgrades, dispatch_uid="chargers.upgrades")
        command_changed.connect(go_on_with_rollouts, dispatch_uid="chargers.rollouts")


def go_on_with_upgrades(charger_ids: set[int], **kwargs: Any) -> None:
    """An order was answered; it may have been a step. A lost signal is made up for by `chargers.tasks`."""
    from django.utils import timezone

    from chargers import upgrades

    upgrades.advance_all(at=timezone.now(), charger_ids=charger_ids)


def go_on_with_rollouts(command_ids: set[UUID], **kwargs: Any) -> None:
    """An order was answered; it may have been a write. A lost signal is made up for by `chargers.tasks`."""
    from django.utils import timezone

    from chargers.desired import steps

    steps.advance_for(command_ids, at=timezone.now())
