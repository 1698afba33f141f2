"""Every address of the portal; a composition root."""

from __future__ import annotations

from django.urls import include, path

from gateway import health as gateway
from portal import health

CHECKS: dict[str, health.Check] = {
    "database": health.database,
    "redis": health.redis_server,
    "mqtt": lambda: "" if gateway.is_linked() else "This process has no link to the MQTT broker.",
    "worker": lambda: "" if gateway.has_worker() else "No worker has said in the last 5 s that it lives.",
}

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz, {"checks": CHECKS}),
    path("api/v1/", include("portal.api.urls")),
    path("", include("portal.views.urls")),
]
