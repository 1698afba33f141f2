"""Tells AWS IoT what has become of our chargers: Things and shadows follow their rows.

Only what has changed is said: a charger that comes back after a lost network is one call. A Thing that is not there,
whoever removed it, is made again; that a Thing was removed on purpose comes as news (`gateway.iot.news`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
# A call takes some 30 ms: so many at a time are enough for what AWS lets an account do.
VOICES = 8


@dataclass(slots=True)
class Errand:
    """What is to be said of one charger; made and closed where the database is, said where it is not."""

    twin: Twin
    at: datetime
    attributes: dict[str, str] | None  # None: the charger is gone, and its Thing goes too
    shadows: dict[str, documents.Document]
    failure: Exception | None = None
    is_tried: bool = False


def tell(limit: int = AT_ONCE, *, after_each: Callable[[], None] = lambda: None) -> int:
    """Tell of up to ``limit`` chargers that have news; how many it was. Raises Away or Refused, the rest waits then."""
    twins.enrol(topics.thing, limit)
    errands = [_errand(twin) for twin in twins.claim(limit, at=timezone.now())]
    stopped = threading.Event()  # AWS is away, or refuses us: the others would meet the same
    fault: Exception | None = None
    with ThreadPoolExecutor(VOICES) as voices:
        for errand in voices.map(lambda errand: _run(errand, stopped), errands):
            if isinstance(errand.failure, cloud.Away | cloud.Refused):
                fault = errand.failure
            _close(errand)
            after_each()
    if fault is not None:
        raise fault
    return len(errands)


def _errand(twin: Twin) -> Errand:
    # Before anything is read: what happens from now on is told next time.
    at, charger = timezone.now(), twin.charger
    if charger is None:
        return Errand(twin, at, None, {})
    fresh = Charger.objects.select_related("site").get(pk=charger.pk)
    return Errand(twin, at, documents.attributes(fresh), _shadows(twin, fresh))


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


def _run(errand: Errand, stopped: threading.Event) -> Errand:
    """Say it. Knows no database: many of these run at a time."""
    if stopped.is_set():
        return errand
    errand.is_tried = True
    try:
        _say(errand)
    except (cloud.Away, cloud.Refused) as error:
        stopped.set()
        errand.failure = error
    except ClientError as error:
        log.warning("thing_not_told", thing=errand.twin.thing, error=str(error)[:300])
        errand.failure = error
    return errand


def _close(errand: Errand) -> None:
    twin = errand.twin
    if not errand.is_tried:
        twins.put_back(twin, at=errand.at)
    elif errand.failure is not None:
        twins.failed(twin, str(errand.failure), at=timezone.now())
    elif errand.attributes is None:
        twins.forgotten(twin)
    else:
        twins.told(twin, at=errand.at)


def _say(errand: Errand) -> None:
    twin = errand.twin
    if errand.attributes is None:
        things.remove(twin.thing)
        return
    twin.problem = ""
    try:
        _say_all(twin, errand.attributes, errand.shadows)
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
        # Somebody has removed the Thing since we last said something. It is made again, and everything is told anew.
        twin.is_there, twin.told = False, {}
        _say_all(twin, errand.attributes, errand.shadows)


def _say_all(twin: Twin, attributes: dict[str, str], shadows: dict[str, documents.Document]) -> None:
    if not twin.is_there or twin.told.get("attributes") != attributes:
        things.put(twin.thing, attributes, is_there=twin.is_there)
        twin.is_there = True
        twin.told["attributes"] = attributes
    for shadow, document in shadows.items():
        _say_shadow(twin, shadow, document)


def _say_shadow(twin: Twin, shadow: str, document: documents.Document) -> None:
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
