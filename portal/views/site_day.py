"""A site's power over a day of its own calendar, who waits and why, and what would have been."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Site
from chargers.sentences import read
from portal.forms.fields import DeskForm
from portal.views import stairs
from portal.views.pages import desk_page, render_page
from portal.views.stairs import Line
from smartcharging import day as days
from smartcharging import grid, whatif
from smartcharging.models import Outlet, SitePlan, SiteSample

PHASES = ("L1", "L2", "L3")


class WhatIfForm(DeskForm):
    limit_a = forms.FloatField(
        label=_("Grid connection, A per phase"), required=False, min_value=1, max_value=grid.MOST_A
    )
    cars = forms.IntegerField(label=_("More cars a day"), required=False, min_value=0, max_value=whatif.MOST_CARS)
    looks_ahead = forms.BooleanField(label=_("Plan ahead by need and departure"), required=False)


@desk_page
def day(request: HttpRequest, site_id: int) -> HttpResponse:
    site = get_object_or_404(Site, pk=site_id)
    on, today = _day(request, site)
    found = days.of(site, on)
    phase = _phase(request, found.samples)
    plan = SitePlan.objects.filter(site=site).first()
    waiting = Outlet.objects.filter(node__site=site, is_queued=True).select_related("charger")
    headroom_a = _headroom(found.samples[-1], phase) if found.samples else 0.0
    context: dict[str, Any] = {
        "room": "sites",
        "site": site,
        "plan": plan,
        "day": found,
        "on": on,
        "is_today": on == today,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1) if on < today else None,
        "phase": phase,
        "phases": PHASES,
        "chart": lambda: _chart(found, phase, site.timezone),
        "headroom_a": headroom_a,
        "over_a": -headroom_a,
        "waiting": waiting if plan and plan.is_on and on == today else [],
        "form": WhatIfForm(initial={"limit_a": _limit_a(site), "cars": 10}),
    }
    return render_page(request, "sites/day.html", context, parts={"site-day": "sites/_day.html"})


def _day(request: HttpRequest, site: Site) -> tuple[date, date]:
    """The day that the URL names, and today, both at the site."""
    today = timezone.localtime(timezone=ZoneInfo(site.timezone)).date()
    try:
        return min(date.fromisoformat(request.GET.get("day", "")), today), today
    except ValueError:
        return today, today


def _phase(request: HttpRequest, samples: list[SiteSample]) -> int:
    """The one asked for, else the fullest of the day."""
    asked = request.GET.get("phase", "")
    if asked in PHASES:
        return PHASES.index(asked)
    least = [min((_headroom(row, phase) for row in samples if row.limit_a[phase]), default=1e9) for phase in range(3)]
    return least.index(min(least))


def _headroom(row: SiteSample, phase: int) -> float:
    return float(row.limit_a[phase] - row.building_a[phase] - row.worst_a[phase])


def _limit_a(site: Site) -> float | None:
    root = site.limit_nodes.filter(parent=None).first()
    return root.l1_a if root else None


def _chart(found: days.Day, phase: int, zone: str) -> dict[str, Any]:
    """Stacked from below: the building, the cars on it; what they may draw at worst as a line below the limit."""
    step_s = days.STEP.total_seconds()
    span_s = (found.until - found.since).total_seconds()

    def points(value: Any) -> list[tuple[float, float | None]]:
        line: list[tuple[float, float | None]] = []
        for row in found.samples:
            at = (row.at - found.since).total_seconds()
            if line and at > line[-1][0] + step_s * 1.5:
                line.append((line[-1][0] + step_s, None))  # nobody planned: nobody knows
            line.append((at, max(0.0, float(value(row)))))
        if line:
            line.append((line[-1][0] + step_s, None))
        return line

    local = [(found.since + timedelta(seconds=span_s * n / 6)).astimezone(ZoneInfo(zone)) for n in range(7)]
    return stairs.drawing(
        [
            Line(gettext("limit"), "is-limit", points(lambda row: row.limit_a[phase])),
            Line(gettext("at worst"), "is-old", points(lambda row: row.building_a[phase] + row.worst_a[phase])),
            Line(
                gettext("building and cars"), "is-cars", points(lambda row: row.building_a[phase] + row.cars_a[phase])
            ),
            Line(gettext("building"), "is-building", points(lambda row: row.building_a[phase])),
        ],
        span_s=span_s, unit="A", hours=[f"{at:%H:%M}" for at in local],
    )  # fmt: skip


@desk_page
def what_if(request: HttpRequest, site_id: int) -> HttpResponse:
    """The day played again, with what the URL changes."""
    site = get_object_or_404(Site, pk=site_id)
    on, _ = _day(request, site)
    form = WhatIfForm(request.GET)
    context: dict[str, Any] = {"site": site, "on": on}
    if form.is_valid():
        data = form.cleaned_data
        found = days.of(site, on)
        change = whatif.Change(data["limit_a"], data["cars"] or 0, data["looks_ahead"])
        try:
            context["answer"] = whatif.ask(site, found.since, found.until, change)
            context["change"] = change
        except (whatif.NothingToPlay, grid.ImpossibleTree) as error:
            context["nothing"] = read(str(error))
    else:
        context["nothing"] = " ".join(str(error) for errors in form.errors.values() for error in errors)
    return render_page(request, "sites/_what_if.html", context)
