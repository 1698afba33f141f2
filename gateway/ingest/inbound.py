"""Frames as they came from the bus, and whose they are. Inside the transaction of their batch; knows no MQTT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from chargers import large_frames
from chargers.models import Charger, fold
from chargers.rows import Lookup
from gateway import claim_check, frames, topics
from gateway.dispatch import Turn
from gateway.registry import DIALECTS

log = structlog.get_logger(__name__)

LOCKED_CHARGERS = Lookup(Charger, by=["identity_folded"], is_locking=True)


class Inbound(NamedTuple):
    """A frame as it came from the bus."""

    key: str  # of its topic
    payload: bytes
    received_at: float  # seconds since the epoch: small to hand over to another process


def turns_of(inbound: Sequence[Inbound]) -> list[Turn]:
    """The frames of chargers that we know, in order, each with its charger as it is now."""
    identities = {one.key: _identity(one.key) for one in inbound}
    chargers = _chargers(identity for identity in identities.values() if identity is not None)
    large = _large_frames(inbound, identities, chargers)
    turns = []
    for one in inbound:
        identity = identities[one.key]
        charger = chargers.get(fold(identity)) if identity is not None else None
        dialect = DIALECTS.get(charger.subprotocol) if charger else None
        if charger is None or dialect is None:
            log.warning(
                "frame_dropped", key=one.key, why="no such charger" if charger is None else "it never connected"
            )
            continue
        frame_id = claim_check.referred(one.payload)
        payload = one.payload if frame_id is None else large.get(frame_id)
        if payload is None:
            # The broker brought the reference twice. Who still waits for an answer stores its frame again.
            log.warning("frame_dropped", key=one.key, why="its large frame is done, or is not this charger's")
            continue
        text = payload.decode("utf-8", "replace")
        at = datetime.fromtimestamp(one.received_at, UTC)
        frame = frames.parse(text, frames.types_of(dialect.subprotocol))
        turns.append(Turn(charger, dialect, text, frame, at))
    return turns


def _identity(key: str) -> str | None:
    """The identity in a topic; None for what no gateway of ours has published. Anybody may publish on the broker."""
    try:
        identity = topics.identity(key)
    except UnicodeDecodeError:
        return None
    return identity if identity.isprintable() else None  # PostgreSQL cannot even be asked for NUL


def _chargers(identities: Iterable[str]) -> dict[str, Charger]:
    """The chargers by folded identity, their rows locked in one order.

    The lock lets two workers that got the same frame twice do it one after the other: the second finds it done.
    """
    found = LOCKED_CHARGERS((folded,) for folded in {fold(identity) for identity in identities})
    return {charger.identity_folded: charger for charger in found}


def _large_frames(
    inbound: Sequence[Inbound], identities: Mapping[str, str | None], chargers: Mapping[str, Charger]
) -> dict[UUID, bytes]:
    """The frames that came by reference, taken out of the database: they are gone with this transaction."""
    wanted = {}
    for one in inbound:
        charger = chargers.get(fold(identities[one.key] or ""))
        if charger is not None and (frame_id := claim_check.referred(one.payload)) is not None:
            wanted[frame_id] = charger.pk
    return large_frames.take(wanted)
