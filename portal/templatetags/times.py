"""Times as template tags: relative with the absolute on hover, the zone always to be found, and what it is in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from chargers.models import Site
from portal.views import formats

register = template.Library()


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """Relative, the absolute on hover."""
    if at is None:
        return gettext("never")
    return format_html(
        '<time datetime="{}" data-ago title="{}">{}</time>', _iso(at), formats.in_full(at), formats.ago(at)
    )


@register.filter
def at(moment: datetime | None, zone: str = "") -> SafeString | str:
    """Absolute and short, the whole of it on hover; in ``zone`` (IANA name), else in the reader's own."""
    if moment is None:
        return "–"
    with timezone.override(ZoneInfo(zone) if zone else timezone.get_current_timezone()):
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            _iso(moment),
            formats.in_full(moment),
            formats.clock(moment),
        )


@register.filter
def at_full(moment: datetime | None) -> SafeString | str:
    if moment is None:
        return "–"
    utc = formats.absolute(moment, UTC)
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(moment), utc, formats.absolute(moment))


@register.filter
def running(since: datetime | None) -> SafeString | str:
    """How long it has been going on, kept fresh in the browser."""
    if since is None:
        return "–"
    return format_html(
        '<time datetime="{}" data-running title="{}">{}</time>',
        _iso(since),
        gettext("since {time}").format(time=formats.in_full(since)),
        formats.duration(timezone.now() - since),
    )


@register.simple_tag
def device_clock(told: str, at: datetime, zone: str = "") -> SafeString | str:
    """The charger's own time where it is another moment than ours, in ``zone`` or in the reader's own."""
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return _clock_chip("", told) if told else ""
    if moment.tzinfo is None or abs((moment - at).total_seconds()) < 2:
        return ""
    return _clock_chip(" chip-warn", formats.absolute(moment, ZoneInfo(zone) if zone else None))


def _clock_chip(look: str, told: str) -> SafeString:
    return format_html(' <span class="chip{}">{}</span>', look, gettext("its clock: {time}").format(time=told))


@register.filter
def until(start: datetime, end: datetime) -> str:
    """How long it was from one to the other."""
    return formats.duration(end - start)


@register.filter
def span(how_long: timedelta) -> str:
    return formats.duration(how_long)


@register.simple_tag
def zone_name() -> str:
    """The short name of the zone in which this page shows its times."""
    return timezone.localtime().tzname() or ""


@register.simple_tag
def site_clock(site: Site) -> str:
    local = timezone.localtime(timezone=ZoneInfo(site.timezone))
    return gettext("{time} there").format(time=f"{local:%H:%M} {local.tzname()}")


@register.filter
def absolute(moment: datetime | None) -> str:
    return formats.in_full(moment) if moment else ""


@register.filter
def at_ms(moment: datetime) -> SafeString:
    """To the millisecond, for the log."""
    local = timezone.localtime(moment)
    day = "" if local.date() == timezone.localdate() else f"{formats.short_day(local)} "
    text = f"{day}{local:%H:%M:%S}.{local.microsecond // 1000:03d}"
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(moment), formats.in_full(moment), text)


@register.filter
def lasted(row: Any) -> str:
    """How long a session or a connection took."""
    start = getattr(row, "started_at", None) or row.connected_at
    end = row.stopped_at if hasattr(row, "stopped_at") else row.disconnected_at
    return formats.duration(end - start) if end else "–"


@register.filter
def clock_offset(seconds: float) -> str:
    if abs(seconds) < 1:
        return gettext("in step with ours")
    span = formats.duration(timedelta(seconds=abs(seconds)))
    return (gettext("{span} ahead") if seconds > 0 else gettext("{span} behind")).format(span=span)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
