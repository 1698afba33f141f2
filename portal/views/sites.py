"""Sites: the list, one with its chargers, creating and changing."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone

from chargers.models import Charger, Site
from portal.forms.sites import SiteForm
from portal.views import energy, overview, power
from portal.views.chargers import ORDERS, rows_of, shown_columns
from portal.views.lists import Listing
from portal.views.pages import desk_page, must_act, render_page
from sessions.models import ChargingSession, SessionHour


@desk_page
def sites(request: HttpRequest) -> HttpResponse:
    context = {"room": "sites", "sites": overview.sites_with_states}
    return render_page(request, "sites/list.html", context, parts={"sites": "sites/_list.html"})


@desk_page
def site(request: HttpRequest, site_id: int) -> HttpResponse:
    found = get_object_or_404(Site, pk=site_id)
    chargers = Charger.objects.filter(site=found)
    sessions = ChargingSession.objects.filter(charger__site=found)
    context = {
        "room": "sites",
        "site": found,
        "ring": lambda: overview.ring_of(found),
        "power_w": lambda: energy.power_now_w(chargers),
        "energy_wh": lambda: energy.energy_since_wh(
            SessionHour.objects.filter(charger__site=found), energy.midnight(found.timezone)
        ),
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
        messages.success(request, f"Saved {saved.name}.")
        return redirect("site", saved.pk)
    context = {
        "room": "sites",
        "form": form,
        "title": f"Edit {found.name}" if found else "Add a site",
        "back": reverse("site", args=[found.pk]) if found else reverse("sites"),
        "back_word": found.name if found else "Sites",
        "zones": sorted(available_timezones()),
    }
    return render_page(request, "parts/form_page.html", context)
