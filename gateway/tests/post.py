"""Frames through a whole batch, without a bus: what a charger sends in, and what would be published."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from chargers.models import Charger
from gateway import topics
from gateway.ingest import batch
from gateway.ingest.inbound import Inbound

BOOT_16 = {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"}


@dataclass
class Sent:
    """What a batch said to one charger."""

    answers: list[Any]  # CALLRESULTs and CALLERRORs
    commands: list[Any]  # CALLs of ours
    events: list[tuple[str, Any]]


def frame(action: str, payload: Any = None, *, message_id: str = "1") -> str:
    return json.dumps([2, message_id, action, {} if payload is None else payload])


def inbound(charger: Charger, text: str | bytes, *, ago_s: float = 0.0) -> Inbound:
    payload = text if isinstance(text, bytes) else text.encode()
    return Inbound(topics.key(charger.identity), payload, time.time() - ago_s)


def post(charger: Charger, *texts: str | bytes) -> Sent:
    """Send frames of one charger in one batch."""
    return sort(charger, batch.process([inbound(charger, text) for text in texts]))


def sort(charger: Charger, outcome: batch.Outcome) -> Sent:
    key = topics.key(charger.identity)
    sent = Sent([], [], [])
    for topic, payload, *_ in outcome.publications:
        said = json.loads(payload)
        if topic == topics.outbound(key):
            (sent.commands if said[0] == 2 else sent.answers).append(said)
        elif "/events/" in topic:
            sent.events.append((topic, said))
    return sent
