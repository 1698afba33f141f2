"""What a session costs by its tariff. Pure: follows from the row, so a decision on its energy is a new cost at once.

Nothing is said where the energy is in doubt. Amounts are decimal, rounded once, at the end, to the currency's cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from chargers.sentences import phrase
from sessions.models import ChargingSession

# Decimal places of the currencies that have no cents, or thousandths (ISO 4217); all others have two.
PLACES = dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0)
PLACES |= dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0)
PLACES |= dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
REFUSED = frozenset({"blocked", "expired", "invalid", "concurrent"})

NO_TARIFF = phrase("no tariff was in force when it began")
NO_CARD = phrase("its card was refused")
NO_END = phrase("its end was never told")
DOUBT = phrase("its energy is in doubt; it costs nothing until somebody decides")
NO_ENERGY = phrase("what it drew cannot be told")


@dataclass(slots=True, frozen=True)
class Cost:
    """``amount`` in ``currency``, and the parts it is made of, not rounded."""

    amount: Decimal
    currency: str
    energy: Decimal
    time: Decimal
    start_fee: Decimal


def of(session: ChargingSession, *, at: datetime) -> Cost | None:
    """What it has cost, of one that runs until ``at``; None if that cannot be told, see `why_none`."""
    tariff = session.tariff
    if tariff is None or session.energy_wh is None or why_none(session):
        return None
    places = Decimal(1).scaleb(-PLACES.get(tariff.currency, 2))
    if session.energy_wh == 0:
        # Whoever got nothing pays nothing: neither for a plug that did not lock nor for the minutes of trying.
        return Cost(Decimal(0).quantize(places), tariff.currency, Decimal(0), Decimal(0), Decimal(0))
    duration = (session.stopped_at or at) - session.started_at
    energy = tariff.per_kwh * session.energy_wh / 1000
    time = tariff.per_minute * Decimal(max(duration.total_seconds(), 0.0)) / 60
    amount = (energy + time + tariff.start_fee).quantize(places, ROUND_HALF_UP)
    return Cost(amount, tariff.currency, energy, time, tariff.start_fee)


def why_none(session: ChargingSession) -> str:
    """Why it has no cost, as the end of a sentence for people; "" if it has one."""
    if session.tariff_id is None:
        return NO_TARIFF
    if session.token_verdict in REFUSED:
        return NO_CARD
    if session.is_superseded and session.stopped_at is None:
        return NO_END
    if session.needs_review:
        return DOUBT
    return NO_ENERGY if session.energy_wh is None else ""
