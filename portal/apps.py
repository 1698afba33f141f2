from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        from portal import live  # noqa: F401  # its receivers tell the browsers what changed
