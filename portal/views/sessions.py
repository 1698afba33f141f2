"""Charging sessions: the list, and one with its curve, its facts and what was told about it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from chargers.models import Charger, Site
from portal.views import energy
from portal.views.lists import Listing, tidy_url
from portal.views.pages import desk_page, render_page
from sessions.models import ChargingSession, MeterValue

ORDERS = {
    "started": ("started_at",),
    "stopped": ("stopped_at",),
    "charger": ("charger__identity_folded", "-started_at"),
    "energy": ("energy_wh",),
    "power": ("power_w",),
}
MOST_POINTS = 2000
LIST_PARTS = {"sessions-head": "sessions/_list_head.html", "rows": "sessions/_rows.html"}
PARTS = {"session-head": "sessions/_head.html", "session": "sessions/_session.html"}


@desk_page
def sessions(request: HttpRequest) -> HttpResponse:
    found = filtered(request)
    context = {
        "room": "sessions",
        "total": ChargingSession.objects.exists,
        "sites": Site.objects.all(),
        "running_count": ChargingSession.objects.filter(stopped_at=None, is_superseded=False).count,
        "power_w": lambda: energy.power_now_w(Charger.objects.all()),
        **Listing(request, found, orders=ORDERS, default="-started").context(),
    }
    response = render_page(request, "sessions/list.html", context, parts=LIST_PARTS)
    return tidy_url(request, response)


def filtered(request: HttpRequest) -> QuerySet[ChargingSession]:
    """What the URL asks for: ``q open review site token since``."""
    found = ChargingSession.objects.select_related("charger", "charger__site", "id_token")
    asked = request.GET
    for word in asked.get("q", "").split():
        number = Q(pk=int(word)) if word.isdecimal() and len(word) < 19 else Q()
        found = found.filter(
            Q(charger__identity__icontains=word)
            | Q(token_value__icontains=word)
            | Q(id_token__holder__icontains=word)
            | Q(transaction_id=word)
            | Q(stop_reason__icontains=word)
            | number
        )
    if asked.get("open") == "yes":
        found = found.filter(stopped_at=None, is_superseded=False)
    elif asked.get("open") == "no":
        found = found.exclude(stopped_at=None, is_superseded=False)
    if asked.get("review") == "yes":
        found = found.filter(needs_review=True)
    if asked.get("site", "").isdecimal():
        found = found.filter(charger__site=int(asked["site"]))
    if asked.get("token", "").isdecimal():
        found = found.filter(id_token=int(asked["token"]))
    if asked.get("since") == "today":
        midnight = energy.midnight()
        found = found.filter(Q(started_at__gte=midnight) | Q(stopped_at__gte=midnight) | Q(stopped_at=None))
    return found


@desk_page
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    rows = ChargingSession.objects.select_related("charger", "charger__site", "id_token")
    found = get_object_or_404(rows, pk=session_id)
    context: dict[str, Any] = {
        "room": "sessions",
        "session": found,
        "events": found.events.all(),
        "readings": found.meter_values.count,
        "zone": found.charger.site.timezone if found.charger.site else "",
    }
    return render_page(request, "sessions/detail.html", context, parts=PARTS)


@desk_page
def curve(request: HttpRequest, session_id: int) -> JsonResponse:
    """The measured curve for uPlot: parallel lists; ``at`` in Unix seconds, the rest null where it was not measured."""
    found = get_object_or_404(ChargingSession, pk=session_id)
    values = MeterValue.objects.filter(session=found, is_suspect=False)
    rows = list(values.values_list("measured_at", "power_w", "energy_wh", "soc_percent"))
    rows = rows[:: max(1, len(rows) // MOST_POINTS)]
    registers = [found.meter_start_wh, *(energy_wh for _, _, energy_wh, _ in rows)]
    start_wh: float = next((register for register in registers if register is not None), 0)
    return JsonResponse(
        {
            "at": [at.timestamp() for at, *_ in rows],
            "power_kw": [_thousandth(power_w) for _, power_w, _, _ in rows],
            "energy_kwh": [_thousandth(None if wh is None else wh - start_wh) for _, _, wh, _ in rows],
            "soc_percent": [soc for *_, soc in rows],
        }
    )


def _thousandth(value: float | None) -> float | None:
    return None if value is None else round(value / 1000, 4)
