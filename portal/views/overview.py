"""The first page: who needs you, then how the yard is doing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any

from django.db.models import Exists, Min, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargers.models import Charger, Connector, ConnectorStatus, Site
from portal.issues import watch
from portal.issues.models import Issue, RuleSetting, Severity
from portal.issues.models.issue import awake
from portal.issues.rules.faults import FAULTED
from portal.views import digest, energy, happenings
from portal.views.pages import desk_page, render_page
from portal.views.states import attention, counts_by_site
from sessions.models import ChargingSession, SessionHour

SiteCounts = Mapping[int | None, Counter[str]]
MOST_ISSUES = 8
MOST_SITES = 12
RING_ORDER = (
    "faulted", "offline", "charging", "suspended", "preparing", "reserved", "available", "unavailable", "unknown",
)  # fmt: skip
PARTS = {
    "summary": "overview/_summary.html",
    "sites": "overview/_sites.html",
    "digest": "overview/_digest.html",
    "happenings": "parts/happenings.html",
}


@desk_page
def overview(request: HttpRequest) -> HttpResponse:
    by_site = cache(counts_of_all)
    context = {
        "room": "overview",
        "summary": lambda: summary(by_site()),
        "sites": lambda: loudest_sites(by_site()),
        "digest": lambda: digest.of(request),
        "spans": digest.SPAN_WORDS,
        "happenings": happenings.latest,
    }
    return render_page(request, "overview/page.html", context, parts=PARTS)


def counts_of_all() -> SiteCounts:
    return counts_by_site(Charger.objects.all())


def summary(by_site: SiteCounts) -> dict[str, Any]:
    sessions = ChargingSession.objects.all()
    waiting = Issue.objects.filter(awake(timezone.now()))
    return {
        "counts": _counts(by_site),
        "fault_issue_in": fault_issue_in,
        # Not by joins: those would be made for all issues before the first are taken.
        "issues": list(waiting.prefetch_related("charger__site", "site", "acknowledged_by")[:MOST_ISSUES]),
        "issue_count": waiting.count(),
        "minor_count": waiting.filter(severity=Severity.MINOR).count(),
        "power_w": energy.power_now_w(Charger.objects.all()),
        "energy_wh": energy.energy_since_wh(SessionHour.objects.all(), energy.midnight()),
        "sessions_today": sessions.filter(started_at__gte=energy.midnight()).count(),
        "to_review": sessions.filter(needs_review=True).count(),
        "spark": energy.spark_paths(energy.sessions_over_day(sessions, until=timezone.now())),
    }


def _counts(by_site: SiteCounts) -> dict[str, int]:
    """How many chargers there are, and of what kind."""
    by_state = sum(by_site.values(), Counter())
    return {
        "all": by_state.total(),
        "online": by_state.total() - by_state["offline"],
        **{state: by_state[state] for state in ("offline", "faulted", "charging")},
        **asdict(attention()),
    }


def fault_issue_in() -> timedelta | None:
    """How long until the first fault of which no issue tells opens one, if it stays; None where its rule is off."""
    setting = RuleSetting.objects.filter(rule=FAULTED.name).first()
    if setting is not None and not setting.is_on:
        return None
    told = Issue.objects.filter(Q(closed_at=None) | Q(is_dismissed=True), charger=OuterRef("charger")).order_by()
    waiting = Connector.objects.filter(~Exists(told), status=ConnectorStatus.FAULTED, charger__is_online=True)
    first_at = waiting.aggregate(at=Min("status_at"))["at"]
    left = (first_at or timezone.now()) + watch.patience(FAULTED, setting) - timezone.now()
    return max(left, FAULTED.every)  # what is over is found with the next look


def loudest_sites(by_site: SiteCounts) -> list[dict[str, Any]]:
    """The sites with the largest part of their chargers faulted or offline; chargers without a site come last."""
    homeless = by_site.get(None)
    loudest = sorted((pk for pk in by_site if pk), key=lambda pk: (-_loudness(by_site[pk]), -by_site[pk].total()))
    loudest = loudest[:MOST_SITES]
    sites = list(Site.objects.filter(pk__in=loudest))
    if len(loudest) < MOST_SITES:  # there may be some that have no charger yet
        sites += Site.objects.exclude(pk__in=loudest)[: MOST_SITES - len(loudest)]
    nothing: Counter[str] = Counter()
    counted = [(site, by_site.get(site.pk, nothing)) for site in sites]
    counted.sort(key=lambda row: (-_loudness(row[1]), -row[1].total(), row[0].name))
    rings = [ring(site, counts) for site, counts in counted]
    return [*rings, ring(None, homeless)] if homeless else rings


def _loudness(counts: Counter[str]) -> float:
    return (2 * counts["faulted"] + counts["offline"]) / (counts.total() or 1)


def ring(site: Site | None, counts: Mapping[str, int]) -> dict[str, Any]:
    """Arcs of a ring whose circumference is 100: (state, count, length, offset)."""
    total = sum(counts.values())
    arcs, offset = [], 0.0
    for state in RING_ORDER:
        if count := counts.get(state, 0):
            length = 100 * count / total
            arcs.append({"state": state, "count": count, "length": f"{length:.2f}", "offset": f"{-offset:.2f}"})
            offset += length
    return {"site": site, "total": total, "arcs": arcs}
