"""The addresses that machines ask, in every process. A process for chargers alone has no others, and loads no pages."""

from __future__ import annotations

from django.urls import path

from chargers.sentences import phrase
from gateway import health as gateway
from portal import health
from portal.metrics import metrics

CHECKS: dict[str, health.Check] = {
    "database": health.database,
    "redis": health.redis_server,
    "mqtt": lambda: "" if gateway.is_linked() else phrase("This process has no link to the MQTT broker."),
    "worker": lambda: "" if gateway.has_worker() else phrase("No worker has said in the last 5 s that it lives."),
    "chargers": lambda: (
        phrase("Chargers are sent away with 503 until a worker is back.") if gateway.sends_chargers_away() else ""
    ),
}

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz, {"checks": CHECKS}, name="readyz"),
    path("metrics", metrics),
]
