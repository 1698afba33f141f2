"""Topic names between gateways and workers. Pure string work: knows no MQTT client, socket or OCPP.

An identity never reaches a topic raw: MQTT reserves ``+ # /`` and NATS refuses a space, so everything but letters,
digits and ``_ . - ~`` is percent-encoded. ``MQTT_PREFIX`` stands before every topic, and tells yards apart that share a
broker or an AWS account: what such a yard has there is named by it (`of_yard`, `thing`).
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from django.conf import settings

PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")  # what `quote` leaves as it is


def key(identity: str) -> str:
    """The one topic level that stands for an identity."""
    return identity if PLAIN.fullmatch(identity) else quote(identity, safe="")


def identity(key: str) -> str:
    """The identity that ``key`` stands for. Raises UnicodeDecodeError for a key that we never made."""
    return unquote(key, errors="strict")


def thing(identity: str) -> str:
    """The name of a charger's Thing in AWS IoT. It takes letters, digits and ``: _ -`` only; ``:`` escapes the rest."""
    return _escaped(f"{settings.MQTT_PREFIX}{identity}", by=":")


def identity_of_thing(name: str) -> str | None:
    """The identity that a Thing's name stands for; None for a name that `thing` never gives."""
    try:
        identity = unquote(name.replace(":", "%"), errors="strict").removeprefix(settings.MQTT_PREFIX)
    except UnicodeDecodeError:
        return None
    return identity if thing(identity) == name else None


def of_yard(name: str) -> str:
    """What is ours alone where other yards may be: ``name``, with ``MQTT_PREFIX`` "north/" ``name-north``.

    No two prefixes give the same; letters, digits, ``_`` and ``-`` are all that is in it.
    """
    prefix = settings.MQTT_PREFIX
    if not prefix:
        return name
    # A lone "_" at the end is nobody's escape.
    told = _escaped(prefix[:-1], by="_") if prefix.endswith("/") else f"{_escaped(prefix, by='_')}_"
    return f"{name}-{told}"


def _escaped(text: str, *, by: str) -> str:
    """Letters and digits of ASCII, ``-`` and ``_`` stay, the rest is ``by`` and two digits for each byte."""
    quoted = quote(text, safe="").replace(".", "%2E").replace("~", "%7E")
    return (quoted.replace("_", "%5F") if by == "_" else quoted).replace("%", by)


def inbound(key: str) -> str:
    """Frames from the charger."""
    return f"{settings.MQTT_PREFIX}{key}/in"


def outbound(key: str) -> str:
    """Frames to the charger."""
    return f"{settings.MQTT_PREFIX}{key}/out"


def gateway_control(name: str) -> str:
    """What this gateway is told: JSON ``{"verb": "replaced" | "probe" | "retired" | "hang_up", "key": …, "epoch": …}``.

    ``hang_up`` has a ``reason`` besides.
    """
    return f"{settings.MQTT_PREFIX}chargeyard/gateways/{key(name)}/control"


def gateway_status(name: str) -> str:
    """Retained JSON ``{"gateway": …, "status": "online" | "offline"}``; its last will when the gateway dies."""
    return f"{settings.MQTT_PREFIX}chargeyard/gateways/{key(name)}/status"


def worker_status(worker_id: str) -> str:
    """A worker's sign of life, every second."""
    return f"{settings.MQTT_PREFIX}chargeyard/workers/{key(worker_id)}/status"


def every_gateway_status() -> str:
    return f"{settings.MQTT_PREFIX}chargeyard/gateways/+/status"


def every_worker_status() -> str:
    return f"{settings.MQTT_PREFIX}chargeyard/workers/+/status"


def event(key: str, topic: str) -> str:
    """Domain events for integrators."""
    return f"{settings.MQTT_PREFIX}chargeyard/events/{key}/{topic}"


def site(site_id: int | str, what: str) -> str:
    """Of a site: ``meter`` (what its building draws), ``brief`` and ``report`` (see `gateway.edge`).

    ``site_id`` is the number of the site, "+" for all of them.
    """
    return f"{settings.MQTT_PREFIX}chargeyard/sites/{site_id}/{what}"


def site_of(topic: str) -> tuple[int, str] | None:
    """The site and what of it, in a topic made by `site`; None for any other topic."""
    found = re.fullmatch(rf"{re.escape(settings.MQTT_PREFIX)}chargeyard/sites/([0-9]{{1,18}})/([a-z]+)", topic)
    return (int(found[1]), found[2]) if found else None


def key_of_outbound(topic: str) -> str | None:
    """The key in a topic made by `outbound`; None for any other topic."""
    prefix = settings.MQTT_PREFIX
    if not topic.startswith(prefix) or not topic.endswith("/out"):
        return None
    return topic[len(prefix) : -len("/out")]


def covers(pattern: str, topic: str) -> bool:
    """Whether a subscription to ``pattern`` (with ``+`` for one level) gets ``topic``."""
    wanted, given = pattern.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(want in ("+", level) for want, level in zip(wanted, given, strict=True))
