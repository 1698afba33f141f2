from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils import timezone


class SmartChargingConfig(AppConfig):
    name = "smartcharging"
    verbose_name = "Smart charging"

    def ready(self) -> None:
        from chargers.signals import charger_changed
        from sessions.signals import session_changed

        charger_changed.connect(news_of_chargers, dispatch_uid="smartcharging.plan")
        session_changed.connect(news_of_chargers, dispatch_uid="smartcharging.plan")


def news_of_chargers(charger_ids: set[int], **kwargs: Any) -> None:
    """A session began, a meter moved, a link came back: have the site planned anew."""
    from smartcharging import planning
    from smartcharging.signals import plan_due

    called = planning.call_for(planning.watch.sites_of(charger_ids), at=timezone.now())
    if called:
        plan_due.send_robust(sender=SmartChargingConfig, site_ids=called)
