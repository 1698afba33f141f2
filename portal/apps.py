from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        # Here and not in the package itself: `bootstrap.py` imports that while there is no Celery yet.
        from portal import (
            celery,  # noqa: F401  # tasks of every process find the broker
            live,  # noqa: F401  # its receivers tell the browsers what changed
        )
