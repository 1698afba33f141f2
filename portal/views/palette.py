"""Ctrl-K: whatever matches the typed words, and where it leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, Site
from portal.views import formats
from portal.views.lists import in_order_of, words_of
from portal.views.pages import desk_page, render_page
from portal.views.sessions import speaks_of
from portal.views.states import with_state
from sessions.models import ChargingSession, IdToken

MOST = 6
PAGES = (
    (_("Overview"), "overview", "", "layout-dashboard"),
    (_("Chargers"), "chargers", "", "charging-pile"),
    (_("Chargers that need you"), "chargers", "?state=attention", "alert-triangle"),
    (_("Faulted chargers"), "chargers", "?state=faulted", "alert-triangle"),
    (_("Offline chargers"), "chargers", "?state=offline", "plug-connected-x"),
    (_("Register a charger"), "register-charger", "", "plus"),
    (_("Firmware campaigns"), "firmware", "", "download"),
    (_("Firmware images"), "images", "", "download"),
    (_("Add a firmware image"), "image-new", "", "plus"),
    (_("Start a firmware campaign"), "campaign-new", "", "plus"),
    (_("Logs from chargers"), "logs", "", "file-text"),
    (_("Import chargers"), "import-new", "chargers", "upload"),
    (_("Jobs"), "jobs", "", "list-details"),
    (_("Reservations"), "reservations", "", "calendar-time"),
    (_("OCPP log of all chargers"), "log", "", "terminal-2"),
    (_("OCPP log: only trouble"), "log", "?outcome=trouble", "terminal-2"),
    (_("Map"), "map", "", "map-pin"),
    (_("Wallboard"), "wallboard", "", "device-desktop"),
    (_("Issues"), "issues", "", "alert-triangle"),
    (_("Rules that look for issues"), "rules", "", "adjustments"),
    (_("Channels that are told of issues"), "channels", "", "send"),
    (_("Configuration templates"), "templates", "", "adjustments"),
    (_("New configuration template"), "template-new", "", "plus"),
    (_("Chargers that are not set as wanted"), "differences", "", "adjustments"),
    (_("Settings changed behind our back"), "differences", "?reason=drift", "adjustments"),
    (_("Restarts that wait for release"), "restarts", "", "power"),
    (_("Settings in quarantine"), "quarantine", "", "alert-triangle"),
    (_("Rollouts of settings"), "rollouts", "", "list-details"),
    (_("Protocol health and behaviour packs"), "protocol", "", "file-text"),
    (_("Sessions"), "sessions", "", "bolt"),
    (_("Running sessions"), "sessions", "?open=yes", "bolt"),
    (_("Sessions to review"), "sessions-to-review", "", "eye"),
    (_("Sites"), "sites", "", "map-pin"),
    (_("Add a site"), "site-new", "", "plus"),
    (_("Charging profiles"), "profiles", "", "gauge"),
    (_("Draw a charging profile"), "profile-new", "", "plus"),
    (_("Id tokens"), "tokens", "", "key"),
    (_("Add a token"), "token-new", "", "plus"),
    (_("Import id tokens"), "import-new", "tokens", "upload"),
    (_("Local lists of chargers"), "local-lists", "", "list-details"),
    (_("System health"), "system", "", "cpu"),
    (_("Dead letters"), "system", "#letters", "cpu"),
    (_("API documentation"), "api:docs", "", "api"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    title: str | Promise
    href: str
    icon: str = ""
    state: str = ""
    sub: str = ""


@desk_page
def palette(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    words = words_of(query)
    groups = [
        (gettext("Chargers"), list(_chargers(words))),
        (gettext("Sessions"), list(_sessions(words)) if words else []),
        (gettext("Tokens"), list(_tokens(words)) if words else []),
        (gettext("Sites"), list(_sites(words)) if words else []),
        (gettext("Pages"), list(_pages(words))),
    ]
    found = [(name, hits) for name, hits in groups if hits]
    return render_page(request, "parts/palette.html", {"groups": found, "query": query})


def _chargers(words: list[str]) -> Iterator[Hit]:
    found = with_state(Charger.objects.select_related("site"))
    for word in words:
        found = found.filter(Q(identity__icontains=word) | Q(name__icontains=word) | Q(serial_number__icontains=word))
    for charger in found[:MOST]:
        yield Hit(
            charger.identity,
            reverse("charger", args=[charger.identity]),
            state=charger.state,
            sub=" · ".join(filter(None, [charger.name, charger.site.name if charger.site else ""])),
        )


def _sessions(words: list[str]) -> Iterator[Hit]:
    found = ChargingSession.objects.all()
    for word in words:
        found = found.filter(speaks_of(word))
    keys = list(found.values_list("pk", flat=True)[:MOST])
    for session in in_order_of(keys, ChargingSession.objects.select_related("charger")):
        yield Hit(
            gettext("Session {number}").format(number=session.pk),
            reverse("session", args=[session.pk]),
            icon="bolt",
            sub=f"{session.charger.identity} · {formats.day(session.started_at)}",
        )


def _tokens(words: list[str]) -> Iterator[Hit]:
    found = IdToken.objects.all()
    for word in words:
        found = found.filter(Q(value__icontains=word) | Q(holder__icontains=word))
    for token in found[:MOST]:
        yield Hit(token.value, reverse("token", args=[token.pk]), icon="key", sub=token.holder)


def _sites(words: list[str]) -> Iterator[Hit]:
    found = Site.objects.all()
    for word in words:
        found = found.filter(Q(name__icontains=word) | Q(address__icontains=word))
    for site in found[:MOST]:
        yield Hit(site.name, reverse("site", args=[site.pk]), icon="map-pin", sub=site.address)


def _pages(words: list[str]) -> Iterator[Hit]:
    for title, name, query, icon in PAGES:
        if all(word.casefold() in str(title).casefold() for word in words):
            yield Hit(title, _href(name, query), icon=icon)


def _href(name: str, more: str) -> str:
    """``more``: a query or a fragment, else an argument of the address."""
    return reverse(name) + more if not more or more[0] in "?#" else reverse(name, args=[more])
