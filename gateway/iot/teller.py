"""Tells AWS IoT what has become of our chargers: Things and shadows follow their rows.

Only what has changed is said: a charger that comes back after a lost network is one call. A Thing that is not there,
whoever removed it, is made again; that a Thing was removed on purpose comes as news (`gateway.iot.news`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from botocore.exceptions import ClientError
from django.utils import timezone

from chargers import twins
from chargers.models import Boot, Charger, Setting, Twin
from gateway import topics
from gateway.iot import cloud, documents, sides, things, wishes

log = structlog.get_logger(__name__)

AT_ONCE = 500
# A new charger is four calls of some 30 ms: so many at a time are half as much again as AWS lets an account do (80/s).
VOICES = cloud.AT_ONCE


@dataclass(slots=True)
class Errand:
    """What is to be said of one charger; made and closed where the database is, said where it is not."""

    twin: Twin
    at: datetime
    attributes: dict[str, str] | None  # None: the charger is gone, and its Thing goes too
    shadows: dict[str, documents.Document]
    version: int  # of the shadow that others write into as well, as we know it
    ours: dict[str, str] = field(default_factory=dict)  # what we want it to be set to
    found: wishes.Shadow | None = None  # what others wrote into `configuration` that we have not heard of
    has_written: bool = False  # our wishes
    failure: Exception | None = None
    is_tried: bool = False


def tell(limit: int = AT_ONCE, *, after_each: Callable[[], None] = lambda: None) -> int:
    """Tell of up to ``limit`` chargers that have news; how many it was. Raises Away or Refused, the rest waits then."""
    twins.enrol(topics.thing, limit)
    claimed = twins.claim(limit, at=timezone.now())
    stopped = threading.Event()  # AWS is away, or refuses us: the others would meet the same
    fault: Exception | None = None
    with ThreadPoolExecutor(VOICES) as voices:
        # A generator: the first are said while the next are still read.
        for errand in voices.map(lambda errand: _run(errand, stopped), map(_errand, claimed)):
            if isinstance(errand.failure, cloud.Away | cloud.Refused):
                fault = errand.failure
            _close(errand)
            after_each()
    if fault is not None:
        raise fault
    return len(claimed)


def _errand(twin: Twin) -> Errand:
    # Before anything is read: what happens from now on is told next time.
    at, charger = timezone.now(), twin.charger
    if charger is None:
        twins.let_go(twin)
        return Errand(twin, at, None, {}, twin.desired_version)
    fresh = Charger.objects.select_related("site").get(pk=charger.pk)
    ours = wishes.ours(fresh)
    return Errand(twin, at, documents.attributes(fresh), _shadows(twin, fresh, ours), twin.desired_version, ours)


def _shadows(twin: Twin, charger: Charger, ours: dict[str, str]) -> dict[str, documents.Document]:
    """What there is to say, by shadow."""
    found: dict[str, documents.Document] = {}
    if charger.booted_at is not None:
        boot = Boot.objects.filter(charger=charger).order_by("-received_at", "-id").only("reason").first()
        found[documents.HARDWARE] = documents.hardware(charger, boot.reason if boot else "")
    if charger.connected_at is not None:
        found[documents.CONNECTION] = documents.connection(charger)
    if ours or twin.desired or twin.shown or wishes.TOLD not in twin.told:  # a first wish of theirs may have been lost
        rows = Setting.objects.filter(charger=charger)
        found[documents.CONFIGURATION] = documents.configuration(rows, {*ours, *twin.desired})
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
    if errand.has_written:
        twins.shown(twin)
    if not errand.is_tried:
        twins.put_back(twin, at=errand.at)
    elif errand.failure is not None:
        twins.failed(twin, str(errand.failure), at=timezone.now())
    elif errand.attributes is None:
        twins.forgotten(twin)
    else:
        twins.told(twin, at=errand.at)
        if errand.found is not None:  # it is said once that is taken into account, and that is news again
            wishes.hear(twin.thing, errand.found, instead_of=errand.version, as_of=errand.at)


def _say(errand: Errand) -> None:
    twin = errand.twin
    if errand.attributes is None:
        things.remove(twin.thing)
        return
    twin.problem = ""
    try:
        _say_all(errand, errand.attributes)
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
        # Somebody has removed the Thing since we last said something. It is made again, and everything is told anew.
        twin.is_there, twin.told, twin.desired_version = False, {}, 0
        _say_all(errand, errand.attributes)


def _say_all(errand: Errand, attributes: dict[str, str]) -> None:
    twin = errand.twin
    if not twin.is_there or twin.told.get("attributes") != attributes:
        thing_id = things.put(twin.thing, attributes, is_there=twin.is_there)
        twin.is_there = True
        twin.thing_id = twin.thing_id if thing_id is None else thing_id
        twin.told["attributes"] = attributes
    for shadow, document in errand.shadows.items():
        try:
            if shadow == documents.CONFIGURATION:
                _say_wishes(errand, document)
            else:
                _say_shadow(twin, shadow, document)
        except documents.ShadowTooLarge as error:
            # It would be too large tomorrow as well; the rest of what there is to say is said.
            _too_large(twin, shadow, error)


def _too_large(twin: Twin, shadow: str, error: documents.ShadowTooLarge) -> None:
    twin.problem = f"{shadow}: {error}"
    log.warning("shadow_too_large", thing=twin.thing, shadow=shadow, error=str(error))


def _say_shadow(twin: Twin, shadow: str, document: documents.Document) -> None:
    part = f"shadow {shadow}".strip()
    before = twin.told.get(part)
    if before != document:
        things.shadow(twin.thing, shadow, documents.update(document, before))
        twin.told[part] = document


def _say_wishes(errand: Errand, reported: documents.Document) -> None:
    """What is wanted by us, and of all that is wanted what it is. Others may write there as well."""
    twin = errand.twin
    if not twin.desired_version:
        errand.found = _others(twin)
        if errand.found is not None:
            return
        twin.told.setdefault(wishes.TOLD, {})
    try:
        _write_wishes(errand, reported, errand.ours)
    except documents.ShadowTooLarge as error:
        # What the other side wants goes before: it has no other place to look.
        _too_large(twin, documents.CONFIGURATION, error)
        theirs = {path: value for path, value in reported.items() if path in twin.desired}
        _write_wishes(errand, theirs, {})


def _others(twin: Twin) -> wishes.Shadow | None:
    """What stands in the shadow; None if there is none, as we believed."""
    document = things.read_shadow(twin.thing, documents.CONFIGURATION)
    found = wishes.read(document) if document else None
    if found is None and (twin.desired or twin.shown):
        twin.told.pop(wishes.TOLD, None)
        return wishes.NOTHING
    return found


def _write_wishes(errand: Errand, reported: documents.Document, ours: dict[str, str]) -> None:
    twin = errand.twin
    offered = sides.offer(ours, desired=twin.desired, shown=twin.shown)
    before = twin.told.get(wishes.TOLD, {})
    if not offered and before == reported:
        return
    desired = sides.merged(twin.shown, offered)
    payload = documents.update_wishes(
        reported, before, offered=offered, desired=desired, version=twin.desired_version, token=wishes.TOKEN
    )
    cloud.call.wait_for_turn(cloud.ECHOED)
    try:
        version = things.shadow(twin.thing, documents.CONFIGURATION, payload)
    except ClientError as error:
        if cloud.code_of(error) != "ConflictException":
            raise
        errand.found = _others(twin) or wishes.NOTHING
        return
    twin.told[wishes.TOLD], twin.shown, twin.desired_version = reported, desired, version
    errand.has_written = True
