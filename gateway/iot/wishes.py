"""Settings that somebody wants by the shadow `configuration`: heard, taken as wishes of theirs, and ordered once.

The shadow's ``desired`` holds what both sides want; `sides` tells them apart. It is written on condition that nobody
else wrote since we last knew it (its version), so neither side undoes what it has not seen, and no echo is an order.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db import transaction
from django.utils import timezone

from chargers import commands, configuration, twins
from chargers.desired.templates import SHADOW
from chargers.models import Charger, Standing
from gateway.iot import documents, sides

log = structlog.get_logger(__name__)

# In what we write on condition of a version: whoever hears it knows that all of the change is ours.
TOKEN = "chargeyard"  # noqa: S105
# Among what we told a twin: once it is there the shadow has been read, and nothing stood in it that we do not know.
TOLD = f"shadow {documents.CONFIGURATION}"


class Shadow(NamedTuple):
    """What stands in the shadow. ``is_ours``: all that has changed in it since the version before is our own doing."""

    desired: dict[str, Any]
    reported: dict[str, Any]
    version: int
    is_ours: bool = False


NOTHING = Shadow({}, {}, 0)


def read(document: dict[str, Any], *, token: object = None) -> Shadow | None:
    """A shadow's document; None if it is none."""
    state, version = document.get("state"), document.get("version")
    if not isinstance(state, dict) or not isinstance(version, int):
        return None
    desired, reported = state.get("desired") or {}, state.get("reported") or {}
    if not isinstance(desired, dict) or not isinstance(reported, dict):
        return None
    return Shadow(desired, reported, version, is_ours=token == TOKEN)


def ours(charger: Charger) -> dict[str, str]:
    """What templates want of a charger, but for what the other side has decided."""
    return dict(Standing.objects.filter(charger=charger).exclude(source=SHADOW).values_list("path", "wanted"))


@transaction.atomic
def hear(thing: str, shadow: Shadow, *, instead_of: int | None = None, as_of: datetime | None = None) -> None:
    """Take what the other side wants, unless we know that or something later; order what is new, once.

    ``instead_of``: the version that we believed in when we asked AWS, ``as_of``: what it says then is true.
    """
    twin = twins.locked(thing)
    if twin is None or twin.charger is None:
        return  # of another yard in this account, or gone meanwhile
    if shadow.version <= twin.desired_version and instead_of != twin.desired_version:
        return
    if instead_of is None and not twin.desired_version and (twin.desired or twin.shown or TOLD not in twin.told):
        # In doubt it is about to be read, and no message can be told from an old one.
        twins.touch({twin.charger.pk}, at=timezone.now())
        return
    if as_of is not None and twin.changed_at > as_of:
        return  # it is due again, and is read again
    here = ours(twin.charger)
    seen = shadow.desired if shadow.is_ours else twin.shown
    desired = sides.theirs(twin.desired, shown=seen, ours=here, now=shadow.desired)
    twins.heard(twin, desired=desired, shown=shadow.desired, version=shadow.version, at=timezone.now())
    has = sides.plain(shadow.reported)
    for path, value in desired.items():
        if twin.desired.get(path) == value:
            continue
        if path in here:
            log.info("template_overruled", charger=twin.charger.identity, setting=path, shadow=value, ours=here[path])
        if has.get(path) != value:
            _order(twin.charger, path, value, shadow.version)


def _order(charger: Charger, path: str, value: str, version: int) -> None:
    """One order per setting: some chargers stumble over several. Not again by itself, whatever becomes of it."""
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
