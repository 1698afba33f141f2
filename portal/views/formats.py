"""Numbers and times as people read them, in their language.

Times are in the zone that is active: the browser's, or a site's.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from django.utils import dateformat, timezone
from django.utils.formats import get_format
from django.utils.translation import gettext, pgettext

NARROW = "\u202f"  # groups thousands
FIRM = "\u00a0"  # between number and unit, so that they never part


def number(value: float, digits: int = 1) -> str:
    """With thousands grouped by narrow spaces: 12 480.5; 12 480,5 where people write a decimal comma."""
    return f"{value:,.{digits}f}".replace(",", NARROW).replace(".", get_format("DECIMAL_SEPARATOR"))


def figure(value: float) -> str:
    """As many digits as it has, at most six: 16, 0.25."""
    return f"{value:.6g}".replace(".", get_format("DECIMAL_SEPARATOR"))


def power(watts: float | None) -> tuple[str, str]:
    """Number and unit of a power in W."""
    if watts is None:
        return "–", ""
    if abs(watts) >= 1_000_000:
        return number(watts / 1_000_000, 2), "MW"
    if abs(watts) >= 1000:
        return number(watts / 1000, 1), "kW"
    return number(watts, 0), "W"


def energy(watt_hours: float | None) -> tuple[str, str]:
    """Number and unit of an energy in Wh; kWh by default, for that is what people pay for."""
    if watt_hours is None:
        return "–", ""
    if abs(watt_hours) >= 1_000_000:
        return number(watt_hours / 1_000_000, 2), "MWh"
    return number(watt_hours / 1000, 2 if abs(watt_hours) < 100_000 else 0), "kWh"


def duration(span: timedelta | None) -> str:
    """In its two largest units: "3 min", "2 h 05 min", "4 d 3 h"."""
    if span is None:
        return "–"
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86_400} {day_unit()} {seconds % 86_400 // 3600} h"


def day_unit() -> str:
    return pgettext("unit of time", "d")


def ago(at: datetime, now: datetime | None = None) -> str:
    """Relative, in its largest unit; `static/js/time.js` keeps it fresh with the same words."""
    seconds = ((now or timezone.now()) - at).total_seconds()
    size = abs(seconds)
    if size < 5:
        return gettext("just now")
    steps = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (float("inf"), 86_400, day_unit()))
    text = next(f"{int(size // unit)} {name}" for below, unit, name in steps if size < below)
    return (gettext("{time} ago") if seconds > 0 else gettext("in {time}")).format(time=text)


def absolute(at: datetime, zone: tzinfo | None = None) -> str:
    """Date, time to the second, and the zone's name: 2026-11-20 14:37:05 CET."""
    local = timezone.localtime(at, zone)
    return f"{dateformat.format(local, pgettext('date format', 'Y-m-d H:i:s'))} {local.tzname()}"


def in_full(at: datetime) -> str:
    """For who hovers: 2026-11-20 00:30:05 CET, 2026-11-19 23:30:05 UTC; once where the zone is UTC itself."""
    return ", ".join(dict.fromkeys((absolute(at), absolute(at, UTC))))


def day(at: date) -> str:
    """A day of the calendar: 2026-11-20."""
    return dateformat.format(at, pgettext("date format", "Y-m-d"))


def short_day(at: date) -> str:
    """Without its year: 20 Nov."""
    return dateformat.format(at, pgettext("date format", "d M"))


def clock(at: datetime) -> str:
    """Short absolute time: the hour today, with the date on other days."""
    local = timezone.localtime(at)
    if local.date() == timezone.localdate():
        return f"{local:%H:%M:%S}"
    if local.year == timezone.localdate().year:
        return f"{short_day(local)} {local:%H:%M}"
    return f"{day(local)} {local:%H:%M}"
