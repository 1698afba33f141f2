"""What AWS IoT tells us, by MQTT: Things that came and went, settings that somebody wants. Everything may be repeated.

A Thing of our type that appears becomes a charger, one that goes is retired: its history stays, its connection is
ended, and its boots are rejected until staff admits it again.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from chargers import registration, twins
from chargers.models import Charger, Registration, Twin, fold
from gateway import topics
from gateway.bus.publisher import Publication
from gateway.iot import things, wishes
from gateway.iot.documents import CONFIGURATION

log = structlog.get_logger(__name__)

TOPICS = (
    "$aws/events/thing/+/created",
    "$aws/events/thing/+/deleted",
    f"$aws/things/+/shadow/name/{CONFIGURATION}/update/documents",
)
LATEST_MS = 4_102_444_800_000  # the year 2100
_THING = re.compile(r"\$aws/(?:events/thing|things)/([^/]+)/")


def hear(topic: str, payload: bytes) -> list[Publication]:
    """Do what a message on one of `TOPICS` asks for; what is to be published when that has committed."""
    found = _THING.match(topic)
    try:
        told = orjson.loads(payload)
    except orjson.JSONDecodeError:
        told = None
    if found is None or not isinstance(told, dict):
        log.warning("not_understood", topic=topic, payload=payload[:100])
        return []
    name = found[1]
    if topic.endswith("/documents"):
        changed(name, told)
    elif topic.endswith("/created"):
        if told.get("thingTypeName") == things.thing_type():
            appeared(name, at=_moment(told), thing_id=_id(told))
    elif topic.endswith("/deleted"):
        return vanished(name, at=_moment(told), thing_id=_id(told))
    return []


def _id(event: dict[str, Any]) -> str:
    """Which Thing of that name it is about."""
    told = event.get("thingId")
    return told[:64] if isinstance(told, str) else ""


def _moment(event: dict[str, Any]) -> datetime:
    """When it happened, by AWS's clock."""
    told_ms = event.get("timestamp")
    if isinstance(told_ms, int) and 0 < told_ms < LATEST_MS:
        return datetime.fromtimestamp(told_ms / 1000, UTC)
    return timezone.now()


@transaction.atomic
def appeared(name: str, *, at: datetime | None = None, thing_id: str = "") -> Charger | None:
    """A Thing was made: register its charger, unless it is ours. None, and a log line, for a name that cannot be.

    It has to log in, and nobody knows its password yet: staff gives it one. In a laboratory that accepts everybody
    (`UNKNOWN_CHARGERS`) it may come as it is. Whom the removal of its Thing had retired is admitted again; whom staff
    has rejected is not.
    """
    identity = topics.identity_of_thing(name)
    if identity is None:
        why = "':' in a Thing's name begins an escape such as ':2E'"
        if begin := topics.thing(""):
            why = f"the names of this yard's Things begin with {begin!r} (MQTT_PREFIX); {why}"
        log.warning("thing_not_adopted", thing=name, why=why)
        return None
    charger = Charger.objects.filter(identity_folded=fold(identity)).first()
    if charger is None:
        try:
            charger, _ = registration.register(identity, security_profile=registration.profile_of_newcomers())
        except ValidationError as error:
            log.warning("thing_not_adopted", thing=name, why=" ".join(error.messages))
            return None
        log.info("thing_adopted", charger=identity, thing=name)
    twin = Twin.objects.filter(charger=charger).first()
    if twin is None:
        twins.adopt(charger, name, thing_id)
    elif at is not None:
        _made_again(charger, twin, at, thing_id)
    return charger


def _made_again(charger: Charger, twin: Twin, at: datetime, thing_id: str) -> None:
    """Of a charger that we know: most often we have made its Thing ourselves; or MQTT brings an old event once more."""
    is_retired = charger.registration == Registration.REJECTED
    is_back = is_retired and twins.has_vanished_before(twin, at)
    twins.is_made(twin, thing_id, at=at)
    if is_back:
        registration.admit(charger)
        twins.doubt({twin.thing}, at=timezone.now())
        log.info("thing_back", charger=charger.identity, thing=twin.thing)


@transaction.atomic
def vanished(name: str, *, at: datetime, thing_id: str = "") -> list[Publication]:
    """A Thing was removed: retire its charger, and end its connection wherever it is.

    Not if it was the one before: whoever was admitted or registered again since has another, or none yet.
    """
    twin = twins.locked(name)
    if twin is None or twin.charger is None:
        return []  # we removed it ourselves
    charger = twin.charger
    is_retired = charger.registration == Registration.REJECTED
    if twins.is_of(twin, thing_id):
        # Whom staff had rejected before, no Thing that is made again admits.
        twins.vanished(twin, at=None if is_retired else at)
        registration.retire(charger)
        log.info("thing_retired", charger=charger.identity, thing=name)
    elif not is_retired:
        log.info("old_news", charger=charger.identity, thing=name, thing_id=thing_id)
        return []
    if not charger.is_online:  # the order may have been lost with who gave it
        return []
    order = {"verb": "retired", "key": topics.key(charger.identity), "epoch": charger.epoch}
    return [Publication(topics.gateway_control(charger.gateway), orjson.dumps(order), qos=1)]


def changed(name: str, told: dict[str, Any]) -> None:
    """Somebody, perhaps we, has written a configuration shadow."""
    current = told.get("current")
    shadow = wishes.read(current, token=told.get("clientToken")) if isinstance(current, dict) else None
    if shadow is None:
        log.warning("not_understood", thing=name, told=str(told)[:100])
        return
    wishes.hear(name, shadow)
