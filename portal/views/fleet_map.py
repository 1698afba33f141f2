"""The map of sites, each with the states of its chargers. Without a map service it has a grid of degrees."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from chargers.models import Charger, Site
from portal.views.pages import desk_page, render_page
from portal.views.states import STATES, counts_by_site

NO_PLACE = Q(latitude=None) | Q(longitude=None)
SHOWN = 100


@desk_page
def fleet_map(request: HttpRequest) -> HttpResponse:
    lost = Site.objects.filter(NO_PLACE)
    context = {
        "room": "sites",
        "placed": Site.objects.exclude(NO_PLACE).count,
        "lost": lost[:SHOWN],
        "lost_count": lost.count,
        "tiles": settings.MAP_TILES_URL,
        "attribution": settings.MAP_ATTRIBUTION,
    }
    return render_page(request, "map/page.html", context)


@desk_page
def places(request: HttpRequest) -> JsonResponse:
    """All sites that have coordinates: where, and how many chargers in which state."""
    by_site = counts_by_site(Charger.objects.exclude(site=None))
    rows = Site.objects.exclude(NO_PLACE).values_list("pk", "name", "latitude", "longitude")
    return JsonResponse(
        {
            "words": {name: word for name, (word, _) in STATES.items()},
            "sites": [
                {"name": name, "at": [latitude, longitude], "counts": by_site.get(pk, {}), "url": _url(pk)}
                for pk, name, latitude, longitude in rows
            ],
        }
    )


def _url(pk: Any) -> str:
    return reverse("site", args=[pk])
