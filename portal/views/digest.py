"""What changed since a person was last here: the digest at a shift's beginning. Counts that lead to what they count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chargers import jobs
from chargers.models import Charger, Command
from portal.issues.models import Issue
from portal.models import Visit
from portal.views import energy
from sessions.models import ChargingSession, SessionHour

LONGEST = timedelta(days=31)
SPANS = {"1h": timedelta(hours=1), "8h": timedelta(hours=8), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
SPAN_WORDS = {"1h": _("1 hour"), "8h": _("8 hours"), "24h": _("24 hours"), "7d": _("7 days")}
MOST_PEOPLE = 5
# A session that drew less than this within two minutes was a start that failed.
NOTHING_WH = 100
AT_ONCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Digest:
    since: datetime
    span: str  # the key of SPANS that was chosen, or "" for since the last visit
    span_word: str | Promise
    is_first: bool  # nobody knows when this person was here before
    figures: dict[str, Any]


def of(request: HttpRequest) -> Digest:
    """Since the last visit ended, or for as long as ``since`` in the URL says."""
    now = timezone.now()
    span = request.GET.get("since", "")
    if span in SPANS:
        since = now - SPANS[span]
        return Digest(since, span, SPAN_WORDS[span], is_first=False, figures=figures(since))
    left_at = Visit.objects.filter(person=request.user.pk).values_list("left_at", flat=True).first()
    since = max(left_at, now - LONGEST) if left_at else now - SPANS["24h"]
    return Digest(since, "", "", is_first=left_at is None, figures=figures(since))


def figures(since: datetime) -> dict[str, Any]:
    return {**_issues(since), **_chargers(since), **_sessions(since), **_orders(since)}


def _issues(since: datetime) -> dict[str, int]:
    opened = Q(opened_at__gte=since)
    return Issue.objects.order_by().aggregate(
        opened=Count("pk", filter=opened),
        still_open=Count("pk", filter=opened & Q(closed_at=None)),
        closed=Count("pk", filter=Q(closed_at__gte=since)),
    )


def _chargers(since: datetime) -> dict[str, int]:
    """Gone: was there and is not. Back: is there now and had a gap since, however short."""
    return Charger.objects.order_by().aggregate(
        gone=Count("pk", filter=Q(is_online=False, disconnected_at__gte=since)),
        back=Count("pk", filter=Q(is_online=True, connected_at__gte=since, created_at__lt=since)),
        added=Count("pk", filter=Q(created_at__gte=since)),
    )


def _sessions(since: datetime) -> dict[str, Any]:
    begun = ChargingSession.objects.order_by().filter(started_received_at__gte=since)
    ended = ChargingSession.objects.order_by().filter(stopped_received_at__gte=since)
    was_let = Q(token_verdict__in=("", "accepted"))
    drew_nothing = Q(stopped_at__lte=F("started_at") + AT_ONCE) & (Q(energy_wh=None) | Q(energy_wh__lt=NOTHING_WH))
    return {
        **begun.aggregate(begun=Count("pk"), refused=Count("pk", filter=~was_let)),
        **ended.aggregate(ended=Count("pk"), failed=Count("pk", filter=drew_nothing & was_let)),
        "energy_wh": energy.energy_since_wh(SessionHour.objects.all(), since),
    }


def _orders(since: datetime) -> dict[str, Any]:
    """How many orders went out, and by whom; what programs ordered is one line."""
    rows = (
        Command.objects.filter(created_at__gte=since)
        .order_by()
        .values(name=F("requested_by__username"))
        .annotate(n=Count("pk"), failed=Count("pk", filter=Q(status__in=jobs.FAILED)))
        .order_by("-n")
    )
    by = list(rows)
    return {"orders": sum(row["n"] for row in by), "by": by[:MOST_PEOPLE]}
