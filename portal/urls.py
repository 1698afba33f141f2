"""Every address of the portal; a composition root."""

from __future__ import annotations

from django.urls import include, path

from portal.machine_urls import CHECKS
from portal.views import system

handler500 = "portal.views.errors.broken"
urlpatterns = [
    path("", include("portal.machine_urls")),
    path("system/", system.system, {"checks": CHECKS}, name="system"),
    path("api/v1/", include("portal.api.urls")),
    path("", include("portal.views.urls")),
]
