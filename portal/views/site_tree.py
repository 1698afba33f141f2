"""A site's tree of limits as a form: drawn as it is typed, refused in place; its prices and who limits it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from chargers.models import Charger, Site
from chargers.sentences import read
from portal.forms import power as forms
from portal.views.pages import desk_page, must_act, render_page
from smartcharging import grid, obedience, probing, sites
from smartcharging.models import EnergyPrice, Outlet, SitePlan

PRICES_SHOWN = 48


@desk_page
def tree(request: HttpRequest, site_id: int) -> HttpResponse:
    must_act(request)
    site = get_object_or_404(Site, pk=site_id)
    plan = SitePlan.objects.filter(site=site).first()
    posted = request.POST if request.method == "POST" else None
    form = forms.PlanForm(posted, initial=forms.shown(plan))
    nodes, outlets = forms.posted_rows(request.POST) if posted is not None else forms.stored_rows(site)
    impossible = ""
    if posted is not None and form.is_valid():
        try:
            told = forms.read_nodes(nodes), forms.read_outlets(outlets)
            sites.draw(site, settings=form.settings(), nodes=told[0], outlets=told[1])
        except grid.ImpossibleTree as error:
            impossible = read(str(error))
        else:
            messages.success(request, gettext("Drew the power of {name}.").format(name=site.name))
            return redirect("site", site.pk)
    context = {
        **_page(site),
        "plan": plan,
        "form": form,
        "nodes": nodes,
        "outlets": outlets,
        "impossible": impossible,
        "rotations": sorted(grid.ROTATIONS),
        "trusts": forms.TRUST,
        "identities": Charger.objects.filter(site=site).order_by("identity_folded").values_list("identity", flat=True),
        **_picture(nodes, outlets),
    }
    return render_page(request, "sites/tree.html", context)


def _page(site: Site) -> dict[str, Any]:
    zone = ZoneInfo(site.timezone)
    now = timezone.now()
    prices = EnergyPrice.objects.filter(site=site)
    current = prices.filter(from_at__lte=now).order_by("-from_at").first()
    return {
        "room": "sites",
        "site": site,
        "signals": site.capacity_signals.exclude(to_at__lte=now),
        "signal_form": forms.SignalForm(prefix="signal"),
        "price_form": forms.PriceForm(zone=zone),
        "prices": ([current] if current else []) + list(prices.filter(from_at__gt=now)[:PRICES_SHOWN]),
        "now": now,
    }


@desk_page
@require_POST
def check(request: HttpRequest, site_id: int) -> HttpResponse:
    """The tree as typed until now: its picture, or the sentence that says why it cannot be."""
    site = get_object_or_404(Site, pk=site_id)
    nodes, outlets = forms.posted_rows(request.POST)
    context: dict[str, Any] = {"impossible": ""}
    try:
        told = forms.read_nodes(nodes), forms.read_outlets(outlets)
        sites.planned(site, nodes=told[0], outlets=told[1])
    except grid.ImpossibleTree as error:
        context["impossible"] = read(str(error))
    return render_page(request, "sites/_tree.html", context | _picture(nodes, outlets))


def _picture(nodes: list[forms.Row], outlets: list[forms.Row]) -> dict[str, Any]:
    """Lines of a tree, each with its depth; a node that hangs on none stands alone at the end."""
    below: dict[str, list[forms.Row]] = defaultdict(list)
    here: dict[str, list[forms.Row]] = defaultdict(list)
    names = {node["name"] for node in nodes}
    for node in nodes:
        below[node["parent"] if node["parent"] in names else ""].append(node)
    for outlet in outlets:
        here[outlet["node"]].append(outlet)
    lines: list[dict[str, Any]] = []
    seen: set[str] = set()

    def grow(parent: str, depth: int) -> None:
        for node in below[parent]:
            if node["name"] in seen:
                continue
            seen.add(node["name"])
            lines.append({"node": node, "depth": min(depth, 6), "outlets": here[node["name"]]})
            grow(node["name"], depth + 1)

    grow("", 0)
    lines += [
        {"node": node, "depth": 0, "outlets": here[node["name"]], "is_lost": True}
        for node in nodes
        if node["name"] not in seen
    ]
    return {"lines": lines, "adrift": [row for row in outlets if row["node"] not in names]}


@desk_page
@require_POST
def prices(request: HttpRequest, site_id: int) -> HttpResponse:
    must_act(request)
    site = get_object_or_404(Site, pk=site_id)
    form = forms.PriceForm(request.POST, zone=ZoneInfo(site.timezone))
    if form.is_valid():
        count = sites.price(site, form.cleaned_data["prices"])
        messages.success(
            request,
            ngettext("{count} price from there on.", "{count} prices from there on.", count).format(count=count),
        )
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect("site-tree", site.pk)


@desk_page
@require_POST
def signals(request: HttpRequest, site_id: int) -> HttpResponse:
    """Limit the site for a time, or end a limit (``end``)."""
    must_act(request)
    site = get_object_or_404(Site, pk=site_id)
    now = timezone.now()
    if ended := request.POST.get("end", ""):
        if ended.isdecimal() and sites.end_limit(site, int(ended), at=now):
            messages.success(request, gettext("Ended; the next plan no longer counts it."))
        return redirect("site-tree", site.pk)
    form = forms.SignalForm(request.POST, prefix="signal")
    wrong = [str(error) for errors in form.errors.values() for error in errors]
    if not wrong:
        data = form.cleaned_data
        try:
            sites.limited(
                site, source=data["source"], limit_w=1000 * data["limit_kw"], from_at=data["from_at"] or now,
                to_at=data["to_at"], at=now,
            )  # fmt: skip
        except ValueError as error:
            wrong = [read(str(error))]
    if wrong:
        messages.error(request, " ".join(wrong))
    return redirect("site-tree", site.pk)


@desk_page
@require_POST
def probe(request: HttpRequest, site_id: int) -> HttpResponse:
    """Try what the limits of a charger are worth."""
    by = must_act(request)
    outlet = _outlet(request, site_id)
    try:
        probing.start(outlet, why=by.get_username(), at=timezone.now())
    except probing.NotNow as error:
        messages.warning(request, read(str(error)))
    else:
        messages.success(
            request,
            gettext("{identity} is being tried; it takes about two minutes.").format(identity=outlet.charger.identity),
        )
    return redirect("site", site_id)


@desk_page
@require_POST
def trust(request: HttpRequest, site_id: int) -> HttpResponse:
    """Lead a charger again that had disobeyed."""
    by = must_act(request)
    outlet = _outlet(request, site_id)
    try:
        obedience.trust_again(outlet, by=by.get_username(), at=timezone.now())
    except obedience.EdgeLeads as error:
        messages.warning(request, read(str(error)))
    else:
        said = gettext("{identity} is led again; its meter is watched as before.")
        messages.success(request, said.format(identity=outlet.charger.identity))
    return redirect("site", site_id)


def _outlet(request: HttpRequest, site_id: int) -> Outlet:
    number = request.POST.get("outlet", "")
    outlets = Outlet.objects.filter(node__site=site_id).select_related("charger", "node")
    return get_object_or_404(outlets, pk=int(number) if number.isdecimal() and len(number) < 19 else 0)
