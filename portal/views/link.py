"""The tab Connection of a charger: its connections, what their ends say about the link, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargers import forensics
from chargers.models import Charger
from portal.views import charger_page, credentials
from portal.views.pages import desk_page


@desk_page
def connection(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    day_ago = timezone.now() - timedelta(hours=24)
    context = {
        "tab": "connection",
        "connections": charger.connections.all()[:50],
        "connections_today": charger.connections.filter(connected_at__gte=day_ago).count,
        "boots": charger.boots.all()[:25],
        "urls": credentials.ocpp_urls(request, charger),
        "link": lambda: link(charger),
    }
    parts = {"connection": "charger/_connection.html"}
    return charger_page.render(request, charger, "charger/connection.html", context, parts=parts)


def link(charger: Charger) -> dict[str, Any]:
    now = timezone.now()
    zone = ZoneInfo(charger.site.timezone) if charger.site else timezone.get_current_timezone()
    pattern = forensics.patterns(forensics.spans(charger, at=now), zone=zone)
    said = forensics.traffic(charger, at=now)
    boot = charger.boots.first()
    return {
        "pattern": pattern,
        "bars": _bars(pattern.by_hour) if pattern and pattern.lost else [],
        "zone": str(zone),
        "median": timedelta(seconds=pattern.median_s) if pattern else None,
        "longest": timedelta(seconds=pattern.longest_s) if pattern else None,
        "traffic": said,
        "month_mb": said.month_bytes(settings.PING_INTERVAL_S) / 1e6,
        "answers_ms": forensics.answers_ms(charger, at=now),
        "ping_s": settings.PING_INTERVAL_S,
        "heartbeat_s": boot.interval_s if boot else None,
        "advice": forensics.advice(
            pattern,
            ping_interval_s=settings.PING_INTERVAL_S,
            heartbeat_interval_s=boot.interval_s if boot else None,
            is_mobile=bool(charger.iccid or charger.imsi),
        ),
    }


def _bars(by_hour: list[int]) -> list[dict[str, Any]]:
    """Of a chart 240 wide and 30 high, a bar for each hour of the day."""
    top = max(by_hour)
    heights = [round(28 * count / top) for count in by_hour]
    return [
        {
            "hour": hour,
            "count": count,
            "x": 10 * hour,
            "y": 30 - heights[hour],
            "height": heights[hour],
            "is_named": hour % 6 == 0,
        }
        for hour, count in enumerate(by_hour)
    ]
