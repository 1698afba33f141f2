from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class ChargersConfig(AppConfig):
    name = "chargers"

    def ready(self) -> None:
        from chargers.signals import command_changed

        command_changed.connect(go_on_with_upgrades, dispatch_uid="chargers.upgrades")


def go_on_with_upgrades(charger_ids: set[int], **kwargs: Any) -> None:
    """An order was answered; it may have been a step. A lost signal is made up for by `chargers.tasks`."""
    from django.utils import timezone

    from chargers import upgrades

    upgrades.advance_all(at=timezone.now(), charger_ids=charger_ids)
