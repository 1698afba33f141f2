"""Ctrl-K: whatever matches the typed words, and where it leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chargers.models import Charger, Site
from portal.views.pages import desk_page, render_page
from portal.views.sessions import speaks_of
from portal.views.states import with_state
from sessions.models import ChargingSession, IdToken

MOST = 6
PAGES = (
    ("Overview", "overview", "", "layout-dashboard"),
    ("Chargers", "chargers", "", "charging-pile"),
    ("Chargers that need you", "chargers", "?state=attention", "alert-triangle"),
    ("Faulted chargers", "chargers", "?state=faulted", "alert-triangle"),
    ("Offline chargers", "chargers", "?state=offline", "plug-connected-x"),
    ("Register a charger", "register-charger", "", "plus"),
    ("Firmware campaigns", "firmware", "", "download"),
    ("Firmware images", "images", "", "download"),
    ("Add a firmware image", "image-new", "", "plus"),
    ("Start a firmware campaign", "campaign-new", "", "plus"),
    ("Logs from chargers", "logs", "", "file-text"),
    ("Import chargers", "import-new", "chargers", "upload"),
    ("Jobs", "jobs", "", "list-details"),
    ("Reservations", "reservations", "", "calendar-time"),
    ("OCPP log of all chargers", "log", "", "terminal-2"),
    ("OCPP log: only trouble", "log", "?outcome=trouble", "terminal-2"),
    ("Map", "map", "", "map-pin"),
    ("Wallboard", "wallboard", "", "device-desktop"),
    ("Issues", "issues", "", "alert-triangle"),
    ("Rules that look for issues", "rules", "", "adjustments"),
    ("Channels that are told of issues", "channels", "", "send"),
    ("Configuration templates", "templates", "", "adjustments"),
    ("New configuration template", "template-new", "", "plus"),
    ("Chargers that are not set as wanted", "differences", "", "adjustments"),
    ("Settings changed behind our back", "differences", "?reason=drift", "adjustments"),
    ("Restarts that wait for release", "restarts", "", "power"),
    ("Settings in quarantine", "quarantine", "", "alert-triangle"),
    ("Rollouts of settings", "rollouts", "", "list-details"),
    ("Protocol health and behaviour packs", "protocol", "", "file-text"),
    ("Sessions", "sessions", "", "bolt"),
    ("Running sessions", "sessions", "?open=yes", "bolt"),
    ("Sessions to review", "sessions-to-review", "", "eye"),
    ("Sites", "sites", "", "map-pin"),
    ("Add a site", "site-new", "", "plus"),
    ("Charging profiles", "profiles", "", "gauge"),
    ("Draw a charging profile", "profile-new", "", "plus"),
    ("Id tokens", "tokens", "", "key"),
    ("Add a token", "token-new", "", "plus"),
    ("Import id tokens", "import-new", "tokens", "upload"),
    ("Local lists of chargers", "local-lists", "", "list-details"),
    ("System health", "system", "", "cpu"),
    ("Dead letters", "system", "#letters", "cpu"),
    ("API documentation", "api:docs", "", "api"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    title: str
    href: str
    icon: str = ""
    state: str = ""
    sub: str = ""


@desk_page
def palette(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    words = query.split()
    groups = [
        ("Chargers", list(_chargers(words))),
        ("Sessions", list(_sessions(words)) if words else []),
        ("Tokens", list(_tokens(words)) if words else []),
        ("Sites", list(_sites(words)) if words else []),
        ("Pages", list(_pages(words))),
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
    found = ChargingSession.objects.select_related("charger")
    for word in words:
        found = found.filter(speaks_of(word))
    for session in found[:MOST]:
        yield Hit(
            f"Session {session.pk}",
            reverse("session", args=[session.pk]),
            icon="bolt",
            sub=f"{session.charger.identity} · {session.started_at:%Y-%m-%d}",
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
        if all(word.casefold() in title.casefold() for word in words):
            yield Hit(title, _href(name, query), icon=icon)


def _href(name: str, more: str) -> str:
    """``more``: a query or a fragment, else an argument of the address."""
    return reverse(name) + more if not more or more[0] in "?#" else reverse(name, args=[more])
