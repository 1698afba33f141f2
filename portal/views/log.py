"""The OCPP log of a charger: each request with its answer on one line, as they passed over the wire."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from chargers.models import Charger, Exchange
from portal.views import charger_page
from portal.views.lists import Listing, tidy_url
from portal.views.pages import desk_page, render_page

TROUBLE = (Exchange.Outcome.ERROR, Exchange.Outcome.UNREADABLE, Exchange.Outcome.ORPHAN)
PARTS = {"rows": "charger/_log_rows.html"}


@desk_page
def log(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    listing = Listing(request, filtered(request, charger), orders={"at": ("requested_at",)}, default="-at")
    context = {
        "tab": "log",
        "actions": charger.exchanges.exclude(action="").order_by("action").values_list("action", flat=True).distinct(),
        **listing.context(),
    }
    response = charger_page.render(request, charger, "charger/log.html", context, parts=PARTS)
    return tidy_url(request, response)


def filtered(request: HttpRequest, charger: Charger) -> QuerySet[Exchange]:
    """What the URL asks for: ``q`` (text in the frames), ``action``, ``from`` (charger | csms), ``outcome``."""
    found = Exchange.objects.filter(charger=charger)
    query, action = request.GET.get("q", "").strip(), request.GET.get("action", "")
    if query:
        found = found.filter(request__icontains=query) | found.filter(response__icontains=query)
    if action:
        found = found.filter(action=action)
    if request.GET.get("from") in Exchange.Origin.values:
        found = found.filter(origin=request.GET["from"])
    outcome = request.GET.get("outcome", "")
    if outcome == "trouble":
        found = found.filter(outcome__in=TROUBLE)
    elif outcome in Exchange.Outcome.values:
        found = found.filter(outcome=outcome)
    return found


@desk_page
def exchange(request: HttpRequest, identity: str, exchange_id: int) -> HttpResponse:
    """One exchange with its raw frames: under its line when htmx asks, else as a page to link to."""
    charger = charger_page.find(identity)
    found = get_object_or_404(Exchange, pk=exchange_id, charger=charger)
    context = {"tab": "log", "exchange": found, "charger": charger}
    if request.headers.get("HX-Request") == "true":
        return render_page(request, "charger/_exchange.html", context)
    return charger_page.render(request, charger, "charger/exchange.html", context, parts={})
