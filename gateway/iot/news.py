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
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from chargers import registration, twins
from chargers.models import Charger, Registration, Twin, fold
from gateway import topics
from gateway.bus.publisher import Publication
from gateway.iot import wishes
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
        if told.get("thingTypeName") == settings.AWS_IOT_THING_TYPE:
            appeared(name, at=_moment(told))
    elif topic.endswith("/deleted"):
        return vanished(name, at=_moment(told))
    return []


def _moment(event: dict[str, Any]) -> datetime:
    """When it happened, by AWS's clock."""
    told_ms = event.get("timestamp")
    if isinstance(told_ms, int) and 0 < told_ms < LATEST_MS:
        return datetime.fromtimestamp(told_ms / 1000, UTC)
    return timezone.now()


@transaction.atomic
def appeared(name: str, *, at: datetime | None = None) -> Charger | None:
    """A Thing was made: register its charger, unless it is ours. None, and a log line, for a name that cannot be.

    It has to log in, and nobody knows its password yet: staff gives it one. In a laboratory that accepts everybody
    (`UNKNOWN_CHARGERS`) it may come as it is. Whom the removal of its Thing had retired is admitted again; whom staff
    has rejected is not.
    """
    identity = topics.identity_of_thing(name)
    if identity is None:
        log.warning("thing_not_adopted", thing=name, why="':' in a Thing's name begins an escape such as ':2E'")
        return None
    charger = Charger.objects.filter(identity_folded=fold(identity)).first()
    if charger is None:
        try:
            charger, _ = registration.register(identity, security_profile=registration.profile_of_newcomers())
        except ValidationError as error:
            log.warning("thing_not_adopted", thing=name, why=" ".join(error.messages))
            return None
        log.info("thing_adopted", charger=identity, thing=name)
    twin, _ = Twin.objects.get_or_create(charger=charger, defaults={"thing": name, "is_there": True})
    is_retired = charger.registration == Registration.REJECTED
    if is_retired and at is not None and twins.has_vanished_before(twin, at):  # MQTT may bring an old event once more
        registration.admit(charger)
        twins.doubt({name}, at=timezone.now())
        log.info("thing_back", charger=identity, thing=name)
    return charger


@transaction.atomic
def vanished(name: str, *, at: datetime) -> list[Publication]:
    """A Thing was removed: retire its charger, and end its connection wherever it is."""
    twin = Twin.objects.select_related("charger").filter(thing=name).first()
    if twin is None or twin.charger is None:
        return []  # we removed it ourselves
    charger = twin.charger
    twins.vanished(twin, at=at)
    registration.retire(charger)
    log.info("thing_retired", charger=charger.identity, thing=name)
    if not charger.is_online:
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
