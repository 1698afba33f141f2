"""Things in AWS IoT: made, changed, removed, listed. Every verb may be repeated. Raises what `cloud.call` raises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from django.conf import settings

from gateway import topics
from gateway.iot import cloud


def thing_type() -> str:
    """Of our Things; those of other types are left alone."""
    return settings.AWS_IOT_THING_TYPE or topics.of_yard("Charger")


class Thing(NamedTuple):
    name: str
    attributes: dict[str, str]


def put(name: str, attributes: dict[str, str], *, is_there: bool) -> str | None:
    """Have a Thing with these attributes (an empty one is taken away); ``is_there``: what we believe, for speed.

    Its id if it may be another one than we believed, else None.
    """
    if is_there and _updated(name, attributes):
        return None
    kept = {key: value for key, value in attributes.items() if value}
    try:
        made = cloud.call(
            "iot",
            "CreateThing",
            thingName=name,
            thingTypeName=thing_type(),
            attributePayload={"attributes": kept},
        )
    except ClientError as error:
        if cloud.code_of(error) != "ResourceAlreadyExistsException":
            raise
        _updated(name, attributes)
        made = cloud.call("iot", "DescribeThing", thingName=name)
    return str(made.get("thingId", ""))


def remove(name: str) -> None:
    """Have no such Thing; certificates are let go first, shadows go with it."""
    try:
        for principal in cloud.call("iot", "ListThingPrincipals", thingName=name)["principals"]:
            cloud.call("iot", "DetachThingPrincipal", thingName=name, principal=principal)
        cloud.call("iot", "DeleteThing", thingName=name)
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise


def everyone() -> Iterator[Thing]:
    """All Things of our type."""
    token: dict[str, str] = {}
    while True:
        page = cloud.call("iot", "ListThings", thingTypeName=thing_type(), maxResults=250, **token)
        yield from (Thing(thing["thingName"], thing.get("attributes", {})) for thing in page["things"])
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def shadow(name: str, shadow_name: str, payload: bytes) -> int:
    """Tell a shadow, and which version it is then; the classic one has no name."""
    answer = cloud.call("iot-data", "UpdateThingShadow", thingName=name, payload=payload, **_which(shadow_name))
    return int(json.loads(answer["payload"].read())["version"])


def read_shadow(name: str, shadow_name: str) -> dict[str, Any] | None:
    """The whole document; None if there is none."""
    try:
        answer = cloud.call("iot-data", "GetThingShadow", thingName=name, **_which(shadow_name))
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
        return None
    return dict(json.loads(answer["payload"].read()))


def _which(shadow_name: str) -> dict[str, str]:
    return {"shadowName": shadow_name} if shadow_name else {}


def _updated(name: str, attributes: dict[str, str]) -> bool:
    """Change a Thing's attributes; those that others gave it stay. False if there is no such Thing."""
    try:
        payload = {"attributes": attributes, "merge": True}
        cloud.call("iot", "UpdateThing", thingName=name, attributePayload=payload)
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
        return False
    return True
