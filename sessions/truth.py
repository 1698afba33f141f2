"""Which registers can be believed, and what a session has drawn where they cannot. Pure: reads rows, writes nothing.

`doubts` is asked at each change of a session and looks only at what is on its row. What is in doubt is never billed:
its energy is None until people decide, and `propose` tells them what it most likely was, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from chargers.sentences import phrase
from sessions.models import ChargingSession

START_IS_ZERO = phrase("The start says 0, the first reading a register far above: the start is not believed.")
NEVER_FROM_ZERO = phrase("The start says 0 as always, and the register goes on from the session before.")
THOUSANDTH = phrase("The register counts a thousandth of what the power says: it may be kWh that say Wh.")
DROPPED = phrase("The register fell during the session.")
REASONS = (START_IS_ZERO, NEVER_FROM_ZERO, THOUSANDTH, DROPPED)

# What the strongest plug in the field gives; only where the charger told no power.
STRONG_POWER_W = 400_000
NOISE_WH = 1000  # a coarse register and a coarse clock
FEWEST = timedelta(minutes=5)  # below it a register of whole kWh says nothing
RISING = 4  # sessions before this one; five energies that rise by chance are one in 120

# Told to people, see chargers/sentences.py.
FROM_LAST_END = phrase("From {begin}, where the session before ended, to {end}.")
FROM_FIRST_READING = phrase("From the first reading, {begin} {seconds:.0f} s after the start, to {end}.")
THOUSANDFOLD = phrase("A thousand times the register's difference; at most {power} flowed.")
ROLLED_OVER = phrase("it rolled over at {size}")
FELL = phrase("it fell from {before} to {after} and counted on from there")
JUMP_LEFT_OUT = phrase("a jump of {step} was left out")
SUM_OF_CLIMBS = phrase("The sum of what the register climbed: {notes}.")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a session has most likely drawn, and why, as a sentence."""

    energy_wh: int
    reason: str


def doubts(session: ChargingSession) -> list[str]:
    """Why the difference of first and last register is not what was drawn; empty if nothing speaks against it."""
    found = []
    if _starts_from_nowhere(session):
        found.append(START_IS_ZERO)
    if _is_thousandth(session):
        found.append(THOUSANDTH)
    return found


def _starts_from_nowhere(session: ChargingSession) -> bool:
    """From 0 to its first reading that is not 0 more than can have flowed: a lifetime register begins in between."""
    first, at = session.meter_first_wh, session.meter_first_at
    if session.meter_start_wh != 0 or first is None or at is None:
        return False
    passed = max(at - session.started_at, timedelta(0))
    return first > NOISE_WH + _strongest_w(session) * passed.total_seconds() / 3600


def _is_thousandth(session: ChargingSession) -> bool:
    last = session.meter_stop_wh if session.meter_stop_wh is not None else session.meter_last_wh
    if session.meter_start_wh is None or last is None or not session.power_max_w:
        return False
    lasted = (session.stopped_at or session.metered_at or session.started_at) - session.started_at
    drawn = last - session.meter_start_wh
    if drawn <= 0 or lasted < FEWEST or session.power_max_w < 1000:
        return False
    at_most_wh = session.power_max_w * lasted.total_seconds() / 3600
    return 50 <= drawn * 1_000_000 / at_most_wh <= 1300


def _strongest_w(session: ChargingSession) -> float:
    return session.power_max_w * 1.5 if session.power_max_w else STRONG_POWER_W


def goes_on(session: ChargingSession, before: Sequence[int]) -> bool:
    """Whether a register that "starts at 0" goes on from sessions before. ``before``: their last ones, newest first.

    Either more than can have flowed, or the last registers have risen from session to session.
    """
    last = session.meter_stop_wh
    if session.meter_start_wh != 0 or not last or not before or before[0] <= 0 or last < before[0]:
        return False
    lasted = (session.stopped_at or session.started_at) - session.started_at
    if last > 20 * NOISE_WH + _strongest_w(session) * max(lasted.total_seconds(), 0) / 3600:
        return True
    chain = [last, *before[:RISING]]
    return len(chain) > RISING and all(newer > older for newer, older in pairwise(chain))


# -- what it most likely was -----------------------------------------------------------------------------------------


def propose(
    session: ChargingSession, readings: Sequence[tuple[datetime, float]], *, before_wh: int | None = None
) -> Proposal | None:
    """What staff may approve. ``readings``: moments and registers in order; ``before_wh``: the session before ended so.

    None where nothing better than a guess is left.
    """
    last = session.meter_stop_wh if session.meter_stop_wh is not None else session.meter_last_wh
    if last is None:
        return None
    if NEVER_FROM_ZERO in session.review_reasons and before_wh is not None and last >= before_wh:
        told = FROM_LAST_END.format(begin=_kwh(before_wh), end=_kwh(last))
        return Proposal(round(last - before_wh), told)
    if START_IS_ZERO in session.review_reasons:
        first = next(((at, wh) for at, wh in readings if wh > 0), None)
        if first is None or last < first[1]:
            return None
        after = max((first[0] - session.started_at).total_seconds(), 0)
        told = FROM_FIRST_READING.format(begin=_kwh(first[1]), seconds=after, end=_kwh(last))
        return Proposal(round(last - first[1]), told)
    if THOUSANDTH in session.review_reasons and session.meter_start_wh is not None:
        drawn = round((last - session.meter_start_wh) * 1000)
        return Proposal(drawn, THOUSANDFOLD.format(power=_power(session)))
    registers = [*_start(session), *(wh for _, wh in readings), *_stop(session)]
    return _climbed(session, registers)


def _climbed(session: ChargingSession, registers: Sequence[float]) -> Proposal | None:
    """The sum of what the register climbed; at a fall it rolled over, or began anew."""
    if len(registers) < 2:
        return None
    total, notes = 0.0, []
    most = _most_between(session)
    for older, newer in pairwise(registers):
        step = newer - older
        if step < 0:
            size = _rolls_over_at(older)
            if size and size - older + newer <= most:
                step = size - older + newer
                notes.append(ROLLED_OVER.format(size=_kwh(size)))
            else:
                step = newer
                notes.append(FELL.format(before=_kwh(older), after=_kwh(newer)))
        if step > most:
            notes.append(JUMP_LEFT_OUT.format(step=_kwh(step)))
            continue
        total += step
    if not notes:
        return None
    return Proposal(round(total), SUM_OF_CLIMBS.format(notes=", ".join(dict.fromkeys(notes)))[:255])


def _most_between(session: ChargingSession) -> float:
    """More than this cannot flow between two readings, however far they are apart within the session."""
    end = session.stopped_at or session.metered_at or session.started_at
    lasted = max((end - session.started_at).total_seconds(), 60.0)
    return NOISE_WH + _strongest_w(session) * lasted / 3600


def _rolls_over_at(register_wh: float) -> float | None:
    """The size of the counter that ends just above: a power of ten, of which 99 % are full."""
    size = 100_000.0  # 100 kWh: a meter of three digits would roll over daily
    while size <= register_wh:
        size *= 10
    return size if register_wh >= 0.99 * size else None


def _start(session: ChargingSession) -> Iterator[float]:
    if session.meter_start_wh is not None:
        yield session.meter_start_wh


def _stop(session: ChargingSession) -> Iterator[float]:
    if session.meter_stop_wh is not None:
        yield session.meter_stop_wh


def _kwh(watt_hours: float) -> str:
    return f"{watt_hours / 1000:.3f} kWh"


def _power(session: ChargingSession) -> str:
    return f"{(session.power_max_w or 0) / 1000:.1f} kW"
