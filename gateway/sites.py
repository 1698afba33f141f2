"""What is said of a site on the bus: by the meter of its building, by the edge that leads it."""

from __future__ import annotations

from datetime import datetime

import orjson
import structlog
from django.db.models import Q

from gateway import topics
from gateway.bus.publisher import Publication
from smartcharging import handover, sites
from smartcharging.grid import ImpossibleTree
from smartcharging.models import Leader, SitePlan

log = structlog.get_logger(__name__)

HEARD = ("meter", "report")


def hear(topic: str, payload: bytes, *, is_retained: bool, at: datetime) -> None:
    """Do what a message on a topic of `HEARD` asks for; any other is left aside."""
    match topics.site_of(topic):
        case (site_id, "meter"):
            sites.meter_told(site_id, payload, at=at, is_retained=is_retained)
        case (site_id, "report"):
            _reported(site_id, payload, at=at)


def _reported(site_id: int, payload: bytes, *, at: datetime) -> None:
    try:
        told = orjson.loads(payload)
        is_taken = told["site"] == site_id and handover.reported(site_id, told, at=at)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.warning("report_not_understood", site=site_id, error=repr(error)[:200])
        return
    if not is_taken:
        log.info("report_left_aside", site=site_id)


def briefs(*, at: datetime) -> list[Publication]:
    """What the edges of sites have to know now, each retained; that they lead no more as well."""
    said = []
    for plan in SitePlan.objects.filter(~Q(leader=Leader.CLOUD) | Q(epoch__gt=0)):
        try:
            told = handover.brief(plan, at=at)
        except ImpossibleTree as error:
            log.warning("site_cannot_be_briefed", site=plan.site_id, error=str(error))
            continue
        said.append(Publication(topics.site(plan.site_id, "brief"), orjson.dumps(told), qos=1, retain=True))
    return said
