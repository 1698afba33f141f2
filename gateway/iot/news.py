"""What AWS IoT tells us, by MQTT: Things that came and went, settings that somebody wants. Everything may be repeated.

A Thing of our type that appears becomes a charger, one that goes is retired: its history stays, its connection is
ended, and its boots are rejected until staff admits it again.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from chargers import commands, configuration, registration, twins
from chargers.models import Charger, Twin, fold
from gateway import topics
from gateway.bus.publisher import Publication
from gateway.iot.documents import CONFIGURATION

log = structlog.get_logger(__name__)

TOPICS = (
    "$aws/events/thing/+/created",
    "$aws/events/thing/+/deleted",
    f"$aws/things/+/shadow/name/{CONFIGURATION}/update/delta",
)
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
    if topic.endswith("/delta"):
        wanted(name, told)
    elif topic.endswith("/created"):
        if told.get("thingTypeName") == settings.AWS_IOT_THING_TYPE:
            appeared(name)
    elif topic.endswith("/deleted"):
        return vanished(name)
    return []


@transaction.atomic
def appeared(name: str) -> Charger | None:
    """A Thing was made: register its charger, unless it is ours. None, and a log line, for a name that cannot be.

    It has to log in, and nobody knows its password yet: staff gives it one. In a laboratory that accepts everybody
    (`UNKNOWN_CHARGERS`) it may come as it is.
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
    Twin.objects.get_or_create(charger=charger, defaults={"thing": name, "is_there": True})
    return charger


@transaction.atomic
def vanished(name: str) -> list[Publication]:
    """A Thing was removed: retire its charger, and end its connection wherever it is."""
    twin = Twin.objects.select_related("charger").filter(thing=name).first()
    if twin is None or twin.charger is None:
        return []  # we removed it ourselves
    charger = twin.charger
    Twin.objects.filter(pk=twin.pk).update(is_there=False, told={}, told_at=None)
    registration.retire(charger)
    log.info("thing_retired", charger=charger.identity, thing=name)
    if not charger.is_online:
        return []
    order = {"verb": "retired", "key": topics.key(charger.identity), "epoch": charger.epoch}
    return [Publication(topics.gateway_control(charger.gateway), orjson.dumps(order), qos=1)]


@transaction.atomic
def wanted(name: str, delta: dict[str, Any]) -> None:
    """Somebody has set the desired state of a configuration shadow: order the charger to be set so, once.

    One order per setting: some chargers stumble over several. What the charger does not take stays different in the
    shadow, and is not ordered again until somebody sets it anew.
    """
    twin = Twin.objects.select_related("charger").filter(thing=name).first()
    state, version = delta.get("state"), delta.get("version")
    if twin is None or twin.charger is None or not isinstance(state, dict) or not isinstance(version, int):
        log.warning("not_understood", thing=name, delta=str(delta)[:100])
        return
    values = {path: _text(value) for path, value in state.items() if isinstance(value, str | int | float | bool)}
    known = twin.desired
    if not twins.wish(twin, values, version=version, at=timezone.now()):
        return  # heard before, or overtaken
    for path, value in values.items():
        if known.get(path) != value:
            _order(twin.charger, path, value, version)


def _order(charger: Charger, path: str, value: str, version: int) -> None:
    try:
        place = configuration.place_of(path)
    except ValueError as error:
        log.warning("setting_not_ordered", charger=charger.identity, error=str(error))
        return
    if place.is_secret:
        log.warning("setting_not_ordered", charger=charger.identity, error=f"{path} is a secret; set it in the portal.")
        return
    setting = {
        "name": place.name,
        "component": place.component,
        "component_instance": place.component_instance,
        "evse_id": place.evse_id,
        "connector_id": place.connector_id,
        "instance": place.instance,
        "attribute": place.attribute,
        "value": value,
    }
    commands.request(
        charger,
        "write_settings",
        arguments={"settings": [setting]},
        via="AWS IoT shadow",
        idempotency_key=f"shadow {version} {path}"[:255],
    )


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
