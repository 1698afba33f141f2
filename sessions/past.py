"""Sessions that another system has kept: over when they come to us, and nobody is told of them.

Their energy is told from their registers by the same rules as that of our own; what is in doubt waits for people.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from django.db import transaction

from chargers.rows import insert
from sessions import energy
from sessions.finding import NAMED
from sessions.models import ChargingSession
from sessions.rollups import hour_of

PORTION = 500  # rows of a statement, and of a transaction: what chargers say meanwhile waits for no more
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Past:
    """``name``: what is its own on this charger, by which it is known again. Registers are Wh; None: not known.

    ``…_received_at``: when the other system heard of it.
    """

    charger_id: int
    name: str
    evse_id: int
    token_id: int | None
    token_value: str
    started_at: datetime
    started_received_at: datetime
    stopped_at: datetime
    stopped_received_at: datetime
    meter_start_wh: int | None
    meter_stop_wh: int | None
    stop_reason: str = ""


def known(names: Collection[str]) -> set[tuple[int, str]]:
    """Charger and name of the sessions of that name that we have."""
    return {
        (session.charger_id, session.transaction_id)
        for some in _portions(sorted(names))
        for session in NAMED([(name,) for name in some])
    }


def bring_in(sessions: Iterable[Past]) -> None:
    """Store them, those that are there already but once. Each portion is a transaction: an end midway is made up for
    by doing it again."""
    for some in _portions(sessions):
        with transaction.atomic():
            insert([_row(past) for past in some], ignore_conflicts=True)


def _row(past: Past) -> ChargingSession:
    session = ChargingSession(
        charger_id=past.charger_id,
        evse_id=past.evse_id,
        transaction_id=past.name,
        id_token_id=past.token_id,
        token_value=past.token_value[:255],
        started_at=past.started_at,
        started_received_at=past.started_received_at,
        # Never before its start, whatever the clock did.
        stopped_at=past.stopped_at
        if past.stopped_at >= past.started_at
        else max(past.stopped_received_at, past.started_at),
        stopped_received_at=past.stopped_received_at,
        stop_reason=past.stop_reason[:40],
        meter_start_wh=past.meter_start_wh,
        meter_stop_wh=past.meter_stop_wh,
    )
    energy.recount(session)
    session.stale_from = hour_of(session.started_at)  # rolled up behind what chargers tell now
    return session


def _portions(rows: Iterable[T]) -> Iterator[Sequence[T]]:
    rest = iter(rows)
    while some := list(islice(rest, PORTION)):
        yield some
