"""Sites: the list, one with its chargers, creating and changing."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from chargers.models import Charger, ConnectorStatus, Site
from portal.forms.sites import SiteForm
from portal.views import energy, overview, power
from portal.views.chargers import ORDERS, rows_of, shown_columns
from portal.views.lists import Listing, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page
from portal.views.states import counts_by_site
from sessions import tariffs
from sessions.models import ChargingSession, SessionHour

LIST_PARTS = {"sites-head": "sites/_list_head.html", "rows": "sites/_list.html"}
TROUBLED = Q(is_online=False, connected_at__isnull=False) | Q(is_online=True, leading_status=ConnectorStatus.FAULTED)


@desk_page
def sites(request: HttpRequest) -> HttpResponse:
    """A page of sites, each with the states of its chargers; ``q`` in the URL narrows them."""
    found = Site.objects.all()
    for word in words_of(request.GET.get("q", "")):
        found = found.filter(Q(name__icontains=word) | Q(address__icontains=word))
    listing = Listing(request, found, orders={"name": ("name",)}, default="name")
    context = {
        "room": "sites",
        "total": cache(Site.objects.count),
        "troubled_count": Charger.objects.filter(TROUBLED).exclude(site=None).values("site").distinct().count,
        "sites": lambda: _rings(list(listing.page.object_list), is_last=not listing.page.has_next()),
        "tariff": lambda: tariffs.in_force(None, at=timezone.now()),
        **listing.context(),
    }
    response = render_page(request, "sites/list.html", context, parts=LIST_PARTS)
    return tidy_url(request, response)


def _rings(sites: list[Site], *, is_last: bool) -> list[dict[str, Any]]:
    """``is_last``: after them come the chargers without a site."""
    here = Q(site__in=sites) | Q(site=None) if is_last else Q(site__in=sites)
    by_site = counts_by_site(Charger.objects.filter(here))
    rings = [overview.ring(site, by_site.get(site.pk, {})) for site in sites]
    return [*rings, overview.ring(None, by_site[None])] if None in by_site else rings


@desk_page
def site(request: HttpRequest, site_id: int) -> HttpResponse:
    found = get_object_or_404(Site, pk=site_id)
    chargers = Charger.objects.filter(site=found)
    sessions = ChargingSession.objects.filter(charger__site=found)
    context = {
        "room": "sites",
        "site": found,
        "ring": lambda: overview.ring(found, counts_by_site(chargers).get(found.pk, {})),
        "power_w": lambda: energy.power_now_w(chargers),
        "energy_wh": lambda: energy.energy_since_wh(
            SessionHour.objects.filter(charger__site=found), energy.midnight(found.timezone)
        ),
        "tariff": lambda: tariffs.in_force(found, at=timezone.now()),
        "running": sessions.filter(stopped_at=None, is_superseded=False).count,
        **power.of_site(found, at=timezone.now()),
        **shown_columns(request),
        **Listing(request, rows_of(chargers), orders=ORDERS, default="identity").context(),
    }
    parts = {"rows": "chargers/_rows.html", "site-head": "sites/_head.html", "site-power": "sites/_power.html"}
    return render_page(request, "sites/detail.html", context, parts=parts)


@desk_page
def edit(request: HttpRequest, site_id: int | None = None) -> HttpResponse:
    must_act(request)
    found = get_object_or_404(Site, pk=site_id) if site_id else None
    form = SiteForm(request.POST or None, instance=found)
    if form.is_valid():
        saved = form.save()
        messages.success(request, gettext("Saved {name}.").format(name=saved.name))
        return redirect("site", saved.pk)
    context = {
        "room": "sites",
        "form": form,
        "title": gettext("Edit {name}").format(name=found.name) if found else gettext("Add a site"),
        "back": reverse("site", args=[found.pk]) if found else reverse("sites"),
        "back_word": found.name if found else gettext("Sites"),
        "zones": sorted(available_timezones()),
    }
    return render_page(request, "parts/form_page.html", context)
