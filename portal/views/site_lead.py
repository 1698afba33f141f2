"""Who leads a site: this yard or the edge that stands there. Seen, given and taken back, each time asked once more."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext

from chargers.models import Site
from chargers.sentences import read
from portal.views.pages import desk_page, must_act, render_page
from smartcharging import handover
from smartcharging.models import Leader, SitePlan

DEEDS = ("give", "take", "off")
CHANGES_SHOWN = 20


@desk_page
def lead(request: HttpRequest, site_id: int) -> HttpResponse:
    """``do``: what is about to be done, see `DEEDS`; done when it is posted."""
    site = get_object_or_404(Site, pk=site_id)
    plan = get_object_or_404(SitePlan, site=site)
    do = request.POST.get("do") or request.GET.get("do", "")
    if request.method == "POST" and do in DEEDS:
        by = must_act(request).get_username()
        try:
            messages.success(request, _do(do, site, by))
        except handover.NotNow as error:
            messages.error(request, read(str(error)))
        return redirect("site-lead", site.pk)
    context: dict[str, Any] = {
        "room": "sites",
        "site": site,
        "plan": plan,
        "do": do if do in _possible(plan) else "",
        "possible": _possible(plan),
        "changes": list(site.lead_changes.all()[:CHANGES_SHOWN]),
        "is_silent": handover.is_edge_silent(plan, at=timezone.now()),
    }
    return render_page(request, "sites/lead.html", context, parts={"site-lead": "sites/_lead.html"})


def _possible(plan: SitePlan) -> tuple[str, ...]:
    if plan.leader == Leader.CLOUD:
        return ("give",) if plan.is_on else ()
    return ("take", "off") if plan.leader == Leader.EDGE else ("off",)


def _do(do: str, site: Site, by: str) -> str:
    """What to tell whoever did it. Raises `handover.NotNow`."""
    now = timezone.now()
    if do == "give":
        handover.give(site, at=now, by=by)
        return gettext("The edge of {name} leads from now on.").format(name=site.name)
    plan = handover.take(site, at=now, by=by, is_edge_off=do == "off")
    if plan.leader == Leader.CLOUD:
        return gettext("This yard leads {name} again.").format(name=site.name)
    return gettext("Asked for; this yard leads {name} once its edge has said that it stopped.").format(name=site.name)
