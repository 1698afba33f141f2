"""One charger: the tabs that only read. Its commands, configuration and log have modules of their own."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from chargers.models import Charger, StatusChange
from portal.forms.chargers import ChargerForm
from portal.views import charger_page, credentials, ribbon
from portal.views.lists import Listing
from portal.views.pages import desk_page, must_act, render_page
from portal.views.states import SHAPE_OF
from sessions.models import ChargingSession


@desk_page
def now(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    context = {
        "tab": "now",
        "plugs": lambda: plugs(charger),
        "issues": lambda: charger.issues.filter(closed_at=None).select_related("acknowledged_by"),
        "once": credentials.shown_once(request, charger),
        "urls": credentials.ocpp_urls(request, charger),
        "recent_commands": charger.commands.select_related("requested_by")[:5],
    }
    parts = {
        "issues": "charger/_issues.html",
        "now": "charger/_now.html",
        "recent-commands": "charger/_recent_commands.html",
    }
    return charger_page.render(request, charger, "charger/now.html", context, parts=parts)


def plugs(charger: Charger) -> list[dict[str, Any]]:
    """Each connector with its running session and its day, or the hours since it was registered."""
    until = timezone.now()
    span = ribbon.window(until - charger.created_at)
    since = until - span
    connections = charger.connections.filter(connected_at__lte=until).order_by("-connected_at")
    spans = [(row.connected_at, row.disconnected_at) for row in connections[:500]]
    # Before it was registered it was not offline, only unknown.
    offline = ribbon.gaps(spans, since=max(since, min(charger.created_at, until)), until=until)
    running = {
        (session.evse_id, session.connector_id): session
        for session in charger.sessions.filter(stopped_at=None, is_superseded=False).select_related("id_token")
    }
    connectors = [connector for connector in charger.connectors.all() if connector.evse_id > 0]
    changes = _changes(charger, since)
    top_w = max((connector.power_w or 0 for connector in connectors), default=0)
    return [
        {
            "connector": connector,
            "session": running.get((connector.evse_id, connector.connector_id)),
            "bands": ribbon.bands(changes.get(connector.pk, []), offline=offline, since=since, until=until),
            "share": round(100 * (connector.power_w or 0) / max(top_w, 22_000)),
            "hours": _hours(since, until),
            "span_h": round(span / timedelta(hours=1)),
        }
        for connector in connectors
    ]


def _changes(charger: Charger, since: datetime) -> dict[int, list[tuple[datetime, str]]]:
    """Connector pk → its states since then, and the one that the time began with; two queries, however many it has."""
    history = StatusChange.objects.filter(charger=charger).order_by("received_at", "id")
    own = history.filter(evse_id=OuterRef("evse_id"), connector_id=OuterRef("connector_id"))
    before = own.filter(received_at__lt=since).reverse()
    connectors = charger.connectors.annotate(
        began_at=Subquery(before.values("received_at")[:1]), began_with=Subquery(before.values("status")[:1])
    )
    recent: defaultdict[tuple[int, int], list[tuple[datetime, str]]] = defaultdict(list)
    for change in history.filter(received_at__gte=since):
        recent[change.evse_id, change.connector_id].append((change.received_at, change.status))
    found = {}
    for connector in connectors:
        first = [(connector.began_at, connector.began_with)] if connector.began_at else []
        changes = [*first, *recent[connector.evse_id, connector.connector_id]]
        if not changes and connector.status_at:  # so long ago that its history is forgotten
            changes = [(connector.status_at, connector.status)]
        found[connector.pk] = [(at, SHAPE_OF.get(status, "unknown")) for at, status in changes]
    return found


def _hours(since: datetime, until: datetime) -> list[datetime]:
    return [since + (until - since) * step / 6 for step in range(7)]


@desk_page
def sessions(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    rows = ChargingSession.objects.filter(charger=charger).select_related("charger", "id_token")
    listing = Listing(request, rows, orders={"started": ("started_at",)}, default="-started")
    context = {"tab": "sessions", **listing.context()}
    parts = {"rows": "sessions/_rows.html"}
    return charger_page.render(request, charger, "charger/sessions.html", context, parts=parts)


@desk_page
def profiles(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    verbs = ("set_profile", "clear_profiles", "composite_schedule")
    context = {
        "tab": "profiles",
        "profiles": charger.installed_profiles.select_related("command"),
        "outside": charger.external_limits.all(),
        "needs": charger.charging_needs.all(),
        "orders": charger.commands.filter(verb__in=verbs).select_related("requested_by")[:10],
    }
    return charger_page.render(
        request, charger, "charger/profiles.html", context, parts={"profiles": "charger/_profiles.html"}
    )


@desk_page
def firmware(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    verbs = ("update_firmware", "fetch_logs")
    context = {
        "tab": "firmware",
        "uploads": charger.uploads.select_related("command__requested_by")[:25],
        "campaign_parts": charger.campaign_parts.select_related("campaign").order_by("-campaign")[:3],
        "transfers": charger.transfers.all()[:50],
        "orders": charger.commands.filter(verb__in=verbs).select_related("requested_by")[:10],
        "versions": versions(charger),
    }
    return charger_page.render(
        request, charger, "charger/firmware.html", context, parts={"firmware": "charger/_firmware.html"}
    )


def versions(charger: Charger) -> list[tuple[str, datetime]]:
    """Firmware versions as its boots told them, newest first, with when each was first seen in a row."""
    found: list[tuple[str, datetime]] = []
    for version, at in charger.boots.exclude(firmware_version="").values_list("firmware_version", "received_at")[:500]:
        if found and found[-1][0] == version:
            found[-1] = (version, at)
        else:
            found.append((version, at))
    return found[:10]


@desk_page
def edit(request: HttpRequest, identity: str) -> HttpResponse:
    must_act(request)
    charger = charger_page.find(identity)
    form = ChargerForm(request.POST or None, instance=charger)
    if form.is_valid():
        form.save()
        charger_page.announce(charger)
        messages.success(request, gettext("Saved."))
        return redirect("charger", charger.identity)
    context = {
        "room": "chargers",
        "form": form,
        "title": gettext("Edit {identity}").format(identity=charger.identity),
        "back": reverse("charger", args=[charger.identity]),
        "back_word": charger.identity,
    }
    return render_page(request, "parts/form_page.html", context)
