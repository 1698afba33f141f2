"""In which order readings were taken, and the registers that they tell. Pure: reads rows, writes nothing.

By their times; when they were received tells more only where the times contradict the registers, for a clock that went
back is not a register that fell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from sessions.models import MeterValue

BEGIN = "Transaction.Begin"
_RANK = {BEGIN: 0, "Transaction.End": 2}


def in_order(rows: Iterable[MeterValue]) -> list[MeterValue]:
    return sorted(rows, key=_moment)


def told(rows: Iterable[MeterValue]) -> list[tuple[datetime, float]]:
    """The moments and registers of a session's rows, in order."""
    found: list[tuple[datetime, float]] = []
    before = None
    for row in in_order(rows):
        if row.energy_wh is not None and not (found and is_said_again(row)) and not is_misplaced(row, before):
            found.append((row.measured_at, row.energy_wh))
            before = row
    return found


def is_misplaced(row: MeterValue, before: MeterValue | None) -> bool:
    """Told before the one that it now stands behind, with a lower register: so it was taken before that one.

    A time that cannot be believed is replaced by that of its receipt. From a queue that is later than what the same
    charger measures once its clock is right.
    """
    return (
        before is not None
        and row.measured_at == row.received_at
        and row.received_at < before.received_at
        and (row.energy_wh or 0.0) < (before.energy_wh or 0.0)
    )


def is_said_again(row: MeterValue) -> bool:
    """Of a row that is not the first: some firmwares send the register at the start along with each reading."""
    return row.context == BEGIN


def rises(rows: Sequence[MeterValue]) -> bool:
    """Whether the register never fell in the order in which we were told of it."""
    wh = [row.energy_wh for row in sorted(rows, key=_receipt) if row.energy_wh and not is_said_again(row)]
    return all(older <= newer + 1 for older, newer in pairwise(wh))


def _moment(row: MeterValue) -> tuple[datetime, int, float, UUID]:
    """A coarse clock gives several the same time; begin and end, and the register, tell more."""
    return row.measured_at, _RANK.get(row.context, 1), row.energy_wh or 0.0, row.key


def _receipt(row: MeterValue) -> tuple[object, ...]:
    return row.received_at, *_moment(row)  # those of one message by their times
