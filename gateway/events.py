"""Domain events for integrators, as they go over the bus: ``chargeyard/events/{key}/{topic}``, JSON, after the commit.

Their shapes are described in `docs/asyncapi.yaml`; ``schema`` names shape and version.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from gateway import topics
from gateway.bus.publisher import Publication
from gateway.call import Event
from sessions.models import ChargingSession

FOLLOWED_BY_ANOTHER = frozenset({"meter_values"})


def publication(event: Event, *, at: datetime) -> Publication:
    """An event as message; its own fields stand beside ``schema``, ``identity`` and ``at`` (server time)."""
    identity = event.charger.identity
    body = {"schema": f"chargeyard.{event.topic}.v1", "identity": identity, "at": at, **event.body}
    topic = topics.event(topics.key(identity), event.topic)
    payload = orjson.dumps(body, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS, default=str)
    return Publication(topic, payload, qos=0 if event.topic in FOLLOWED_BY_ANOTHER else 1)


def of_session(session: ChargingSession) -> dict[str, Any]:
    """What every event of a session tells, whatever the version: in Wh, as known at this moment; None: not yet."""
    return {
        "session": session.pk,
        "transaction_id": session.transaction_id,
        "evse_id": session.evse_id,
        "connector_id": session.connector_id,
        "token_verdict": session.token_verdict,
        "meter_start_wh": session.meter_start_wh,
        "energy_wh": session.energy_wh,
        "reason": session.stop_reason,
    }
