"""What is said of a site on the bus: by the meter of its building."""

from __future__ import annotations

from datetime import datetime

from gateway import topics
from smartcharging import sites

HEARD = ("meter",)


def hear(topic: str, payload: bytes, *, is_retained: bool, at: datetime) -> None:
    """Do what a message on a topic of `HEARD` asks for; any other is left aside."""
    match topics.site_of(topic):
        case (site_id, "meter"):
            sites.meter_told(site_id, payload, at=at, is_retained=is_retained)
