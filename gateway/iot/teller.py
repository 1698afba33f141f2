"""Tells AWS IoT what has become of our chargers: Things and shadows follow their rows.

Only what has changed is said: a charger that comes back after a lost network is one call. A Thing that is not there,
whoever removed it, is made again; that a Thing was removed on purpose comes as news (`gateway.iot.news`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from botocore.exceptions import ClientError
from django.utils import timezone

from chargers import twins
from chargers.models import Boot, Charger, Setting, Twin
from gateway import topics
from gateway.iot import cloud, documents, things

log = structlog.get_logger(__name__)

AT_ONCE = 500


def tell(limit: int = AT_ONCE, *, after_each: Callable[[Twin], None] = lambda twin: None) -> int:
    """Tell of up to ``limit`` chargers that have news; how many it was. Raises Away or Refused, the rest waits then."""
    twins.enrol(topics.thing, limit)
    claimed = twins.claim(limit, at=timezone.now())
    for number, twin in enumerate(claimed):
        at = timezone.now()
        try:
            _tell_one(twin, at)
        except (cloud.Away, cloud.Refused) as error:
            # Not this charger's fault: the others would meet the same.
            twins.failed(twin, str(error), at=timezone.now())
            twins.put_back(claimed[number + 1 :], at=timezone.now())
            raise
        except ClientError as error:
            log.warning("thing_not_told", thing=twin.thing, error=str(error)[:300])
            twins.failed(twin, str(error), at=timezone.now())
        after_each(twin)
    return len(claimed)


def _tell_one(twin: Twin, at: datetime) -> None:
    if twin.charger is None:
        things.remove(twin.thing)
        twins.forgotten(twin)
        return
    twin.problem = ""
    _tell_thing(twin, twin.charger)
    try:
        for shadow, document in _shadows(twin, twin.charger).items():
            _tell_shadow(twin, shadow, document)
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
        # Somebody has removed the Thing since we last said something. It is made again, and everything is told anew.
        twin.is_there, twin.told = False, {}
        _tell_thing(twin, twin.charger)
        for shadow, document in _shadows(twin, twin.charger).items():
            _tell_shadow(twin, shadow, document)
    twins.told(twin, at=at)


def _tell_thing(twin: Twin, charger: Charger) -> None:
    attributes = documents.attributes(charger)
    if twin.is_there and twin.told.get("attributes") == attributes:
        return
    things.put(twin.thing, attributes, is_there=twin.is_there)
    twin.is_there = True
    twin.told["attributes"] = attributes


def _shadows(twin: Twin, charger: Charger) -> dict[str, documents.Document]:
    """What there is to say, by shadow."""
    found: dict[str, documents.Document] = {}
    if charger.booted_at is not None:
        boot = Boot.objects.filter(charger=charger).order_by("-received_at", "-id").only("reason").first()
        found[documents.HARDWARE] = documents.hardware(charger, boot.reason if boot else "")
    if charger.connected_at is not None:
        found[documents.CONNECTION] = documents.connection(charger)
    if twin.desired:
        rows = Setting.objects.filter(charger=charger)
        found[documents.CONFIGURATION] = documents.configuration(rows, twin.desired)
    return found


def _tell_shadow(twin: Twin, shadow: str, document: documents.Document) -> None:
    part = f"shadow {shadow}".strip()
    before = twin.told.get(part)
    if before == document:
        return
    try:
        payload = documents.update(document, before)
    except documents.ShadowTooLarge as error:
        # It would be too large tomorrow as well; the rest of what there is to say is said.
        twin.problem = f"{shadow}: {error}"
        log.warning("shadow_too_large", thing=twin.thing, shadow=shadow, error=str(error))
        return
    things.shadow(twin.thing, shadow, payload)
    twin.told[part] = document
