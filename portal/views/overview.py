"""The first page: who needs you, then how the yard is doing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargers.models import Charger, Site
from portal.issues.models import Issue, Severity
from portal.issues.models.issue import awake
from portal.views import energy, happenings
from portal.views.pages import desk_page, render_page
from portal.views.states import PRECEDENCE, needs_you, with_state
from sessions.models import ChargingSession, SessionHour

MOST_ISSUES = 8
RING_ORDER = ("faulted", "offline", *PRECEDENCE[1:], "unknown")
PARTS = {
    "summary": "overview/_summary.html",
    "sites": "overview/_sites.html",
    "happenings": "parts/happenings.html",
}


@desk_page
def overview(request: HttpRequest) -> HttpResponse:
    context = {
        "room": "overview",
        "summary": summary,
        "sites": sites_with_states,
        "happenings": happenings.latest,
    }
    return render_page(request, "overview/page.html", context, parts=PARTS)


def summary() -> dict[str, Any]:
    sessions = ChargingSession.objects.all()
    waiting = Issue.objects.filter(awake(timezone.now()))
    return {
        "counts": _counts(),
        "issues": list(waiting.select_related("charger__site", "site", "acknowledged_by")[:MOST_ISSUES]),
        "issue_count": waiting.count(),
        "minor_count": waiting.filter(severity=Severity.MINOR).count(),
        "power_w": energy.power_now_w(Charger.objects.all()),
        "energy_wh": energy.energy_since_wh(SessionHour.objects.all(), energy.midnight()),
        "sessions_today": sessions.filter(started_at__gte=energy.midnight()).count(),
        "to_review": sessions.filter(needs_review=True).count(),
        "spark": energy.spark_paths(energy.sessions_over_day(sessions, until=timezone.now())),
    }


def _counts() -> dict[str, int]:
    """How many chargers there are, and of what kind. One look at each charger's state, however many kinds."""
    rows = with_state(Charger.objects.order_by()).values_list("state").annotate(n=Count("pk"))
    by_state: Counter[str] = Counter(dict(rows))
    silent = Charger.objects.filter(is_online=False, connected_at__isnull=False)
    return {
        "all": by_state.total(),
        "online": by_state.total() - by_state["offline"],
        **{state: by_state[state] for state in ("offline", "faulted", "charging")},
        "needy": Charger.objects.filter(needs_you()).count(),
        "just_gone": silent.exclude(needs_you()).count(),
    }


def sites_with_states() -> list[dict[str, Any]]:
    """Each site with how many of its chargers are in which state, loudest first; chargers without a site last."""
    by_site: dict[int | None, dict[str, int]] = {}
    # order_by(): the model's own order would split the groups.
    rows = with_state(Charger.objects.order_by()).values_list("site", "state").annotate(n=Count("pk"))
    for site_id, state, count in rows:
        by_site.setdefault(site_id, {})[state] = count
    sites: list[Site | None] = [*Site.objects.all()]
    if None in by_site:
        sites.append(None)
    return [_ring(site, by_site.get(site.pk if site else None, {})) for site in sites]


def ring_of(site: Site) -> dict[str, Any]:
    rows = with_state(Charger.objects.filter(site=site).order_by()).values_list("state").annotate(n=Count("pk"))
    return _ring(site, dict(rows))


def _ring(site: Site | None, counts: dict[str, int]) -> dict[str, Any]:
    """Arcs of a ring whose circumference is 100: (state, count, length, offset)."""
    total = sum(counts.values())
    arcs, offset = [], 0.0
    for state in RING_ORDER:
        if count := counts.get(state, 0):
            length = 100 * count / total
            arcs.append({"state": state, "count": count, "length": f"{length:.2f}", "offset": f"{-offset:.2f}"})
            offset += length
    return {"site": site, "total": total, "arcs": arcs}
