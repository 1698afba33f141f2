"""What drivers pay: at a site, and where a site has no tariff of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from chargers.models import Site
from chargers.sentences import read
from portal.forms.tariffs import TariffForm
from portal.views.pages import desk_page, must_act, render_page
from sessions import tariffs
from sessions.models import Tariff


@desk_page
def edit(request: HttpRequest, site_id: int | None = None) -> HttpResponse:
    """Set or withdraw the tariff of a site, without one that of all others."""
    by = must_act(request)
    site = get_object_or_404(Site, pk=site_id) if site_id else None
    now = tariffs.in_force(site, at=timezone.now())
    form = TariffForm(None if "withdraw" in request.POST else request.POST or None, initial=_initial(now))
    if "withdraw" in request.POST:
        tariffs.withdraw(site, at=timezone.now(), by=by)
        messages.success(request, gettext("Withdrawn; sessions that have begun keep it."))
        return _back(site)
    if form.is_valid() and _is_set(form, site, by):
        messages.success(request, gettext("Set. It is for sessions that begin from now on."))
        return _back(site)
    context = {
        "room": "sites",
        "form": form,
        "title": gettext("Tariff of {name}").format(name=site.name)
        if site
        else gettext("Tariff of all sites without their own"),
        "lead": gettext("What drivers pay. Sessions that have begun keep the tariff that was in force then."),
        "back": reverse("site", args=[site.pk]) if site else reverse("sites"),
        "back_word": site.name if site else gettext("Sites"),
        "tariff": now,
        "can_withdraw": now is not None and now.site_id == (site.pk if site else None),
    }
    return render_page(request, "sites/tariff.html", context)


def _initial(tariff: Tariff | None) -> dict[str, object]:
    names = ("currency", "per_kwh", "per_minute", "start_fee")
    return {name: getattr(tariff, name) for name in names} if tariff else {}


def _is_set(form: TariffForm, site: Site | None, by: AbstractBaseUser) -> bool:
    told: dict[str, Any] = {name: Decimal(0) if v is None else v for name, v in form.cleaned_data.items()}
    try:
        tariffs.set_tariff(site, **told, at=timezone.now(), by=by)
    except tariffs.BadTariff as error:
        form.add_error(None, read(str(error)))
        return False
    return True


def _back(site: Site | None) -> HttpResponse:
    return redirect("site", site.pk) if site else redirect("sites")
