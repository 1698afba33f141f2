"""The OCPP log of a charger, and of the whole fleet: each request with its answer on one line, as they passed over the
wire.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from chargers.models import Charger, Exchange, Site, fold
from portal.views import charger_page, saved
from portal.views.lists import Listing, tidy_url, words_of
from portal.views.pages import desk_page, render_page

TROUBLE = (Exchange.Outcome.ERROR, Exchange.Outcome.UNREADABLE, Exchange.Outcome.ORPHAN)
PARTS = {"rows": "charger/_log_rows.html"}
# The fleet's log is read from its newest end, and only so far: nobody waits for a look through months.
NEWEST = 100_000
NEWEST_NAMES = 5000  # of them, where the choice of actions comes from


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
    """Of a charger's log what the URL asks for, see `narrowed`."""
    return narrowed(request, Exchange.objects.filter(charger=charger))


@desk_page
def fleet(request: HttpRequest) -> HttpResponse:
    """What is said on all lines, live: as a charger's log, and ``who``, ``site`` and ``heartbeats`` in the URL."""
    newest = Exchange.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    recent = Exchange.objects.filter(pk__gt=newest - NEWEST)
    listing = Listing(request, of_fleet(request, recent), orders={"at": ("pk",)}, default="-at")
    names = Exchange.objects.filter(pk__gt=newest - NEWEST_NAMES).exclude(action="").order_by("action")
    context = {
        "room": "log",
        "actions": names.values_list("action", flat=True).distinct(),
        "sites": Site.objects.all(),
        "newest": NEWEST,
        **saved.context(request, "log"),
        **listing.context(),
    }
    return tidy_url(request, render_page(request, "log/page.html", context, parts={"rows": "log/_rows.html"}))


def of_fleet(request: HttpRequest, recent: QuerySet[Exchange]) -> QuerySet[Exchange]:
    found = narrowed(request, recent).select_related("charger")
    for word in words_of(request.GET.get("who", "")):
        found = found.filter(charger__in=Charger.objects.filter(identity_folded__contains=fold(word)).values("pk"))
    if request.GET.get("site", "").isdecimal():
        found = found.filter(charger__in=Charger.objects.filter(site=int(request.GET["site"])).values("pk"))
    if request.GET.get("heartbeats") != "yes" and request.GET.get("action") != "Heartbeat":
        found = found.exclude(action="Heartbeat")
    return found


def narrowed(request: HttpRequest, found: QuerySet[Exchange]) -> QuerySet[Exchange]:
    """By ``q`` (text in the frames), ``action``, ``from`` (charger | csms), ``outcome``."""
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
