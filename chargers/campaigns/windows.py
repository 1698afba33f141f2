"""When a site may be worked at. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def opens_at(at: datetime, zone: ZoneInfo, begin: time | None, end: time | None) -> datetime | None:
    """When the daily window from ``begin`` to ``end`` (local time of ``zone``) opens next; None while it is open.

    One whose end is not after its begin runs over midnight. Without both it is always open. A time that the clock
    skips in spring is the moment after the gap.
    """
    if begin is None or end is None or begin == end:
        return None
    local = at.astimezone(zone)
    now = local.time().replace(tzinfo=None)
    is_open = begin <= now < end if begin < end else now >= begin or now < end
    if is_open:
        return None
    day = local.date() if now < begin else local.date() + timedelta(days=1)
    opening = datetime.combine(day, begin, tzinfo=zone)
    return max(opening.astimezone(ZoneInfo("UTC")), at)
