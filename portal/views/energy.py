"""Power now, energy today, cars over the day: the sums of the overview and of a site."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import ExtractMinute, TruncHour
from django.utils import timezone

from chargers.models import Charger, Connector, ConnectorStatus
from sessions.models import ChargingSession, SessionHour
from sessions.readings import LONGEST
from sessions.rollups import HOUR, hour_of

# A value older than this says nothing about now: the charger may have fallen silent in the middle of a charge.
POWER_IS_STALE = timedelta(minutes=15)
SPARK_STEPS = 96
QUARTER = timedelta(minutes=15)


def power_now_w(chargers: QuerySet[Charger]) -> float:
    """Sum of what the connectors of these chargers draw, as far as they told it lately."""
    drawing = Connector.objects.filter(
        charger__in=chargers.filter(is_online=True).values("pk"),
        evse_id__gt=0,
        status=ConnectorStatus.CHARGING,
        power_at__gte=timezone.now() - POWER_IS_STALE,
    )
    return drawing.aggregate(total=Sum("power_w"))["total"] or 0.0


def energy_since_wh(hours: QuerySet[SessionHour], since: datetime) -> float:
    """What these hours of sessions delivered since then, as far as it is rolled up (a minute ago at most).

    Where ``since`` is not on the hour (midnight in India, by UTC), its hour counts by the share that comes after.
    """
    first = hour_of(since)
    total = hours.filter(hour__gte=first).aggregate(total=Sum("energy_wh"))["total"] or 0.0
    if since == first:
        return float(total)
    cut = hours.filter(hour=first).aggregate(total=Sum("energy_wh"))["total"] or 0.0
    return float(total - cut * ((since - first) / HOUR))


def midnight(zone: str = "") -> datetime:
    """The start of today in ``zone`` (IANA name), else in the active one."""
    now = timezone.localtime(timezone=ZoneInfo(zone) if zone else None)
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def sessions_over_day(sessions: QuerySet[ChargingSession], *, until: datetime) -> list[int]:
    """How many cars were plugged in at each quarter of an hour of the last 24 h, oldest first.

    The database counts by the quarter. One that ended today and began more than `LONGEST` ago is left out: to find it
    would take a look at all that ever was.
    """
    newest = until.astimezone(UTC).replace(minute=until.minute // 15 * 15, second=0, microsecond=0)
    since = newest - SPARK_STEPS * QUARTER
    told = sessions.filter(Q(stopped_at__isnull=False) | Q(is_superseded=False), started_at__lte=until)
    ended = told.filter(started_at__gte=since - LONGEST, stopped_at__gte=since)
    # Not by when they began: SQLite would read all that ever began before, instead of the few that run.
    still = sessions.filter(stopped_at=None, is_superseded=False)
    running = still.count() - still.filter(started_at__gte=since).count()
    running += ended.filter(started_at__lt=since).count()
    begun, over = _by_quarter(told.filter(started_at__gte=since), "started_at"), _by_quarter(ended, "stopped_at")
    counts = []
    for step in range(SPARK_STEPS + 1):
        quarter = since + step * QUARTER
        running += begun[quarter]
        counts.append(running)
        running -= over[quarter]
    return counts


def _by_quarter(sessions: QuerySet[ChargingSession], column: str) -> Counter[datetime]:
    quarters = sessions.order_by().annotate(
        hour=TruncHour(column, tzinfo=UTC), minute=ExtractMinute(column, tzinfo=UTC)
    )
    counts: Counter[datetime] = Counter()
    for hour, minute, count in quarters.values_list("hour", "minute").annotate(n=Count("pk")):
        counts[hour + minute // 15 * QUARTER] += count
    return counts


def spark_paths(values: list[int], height: int = 32) -> dict[str, str]:
    """``line`` and ``area`` of a sparkline as SVG path data, one unit of width per value."""
    top = max(values, default=0) or 1
    points = [f"{x},{height - 1 - value / top * (height - 3):.1f}" for x, value in enumerate(values)]
    line = "M" + "L".join(points)
    return {"line": line, "area": f"{line}V{height}H0Z", "width": str(max(1, len(values) - 1)), "top": str(top)}
