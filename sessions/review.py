"""Sessions that people have to look at because the charger, asked about them, says something else than our books."""

from __future__ import annotations

from chargers.models import Charger
from sessions.energy import END_IS_MISSING, review
from sessions.models import ChargingSession


def end_is_missing(charger: Charger, transaction_id: str) -> set[int]:
    """The charger has ended a session and told all it has; the pks of those that we still hold open (one or none)."""
    named = ChargingSession.objects.filter(charger=charger, transaction_id=transaction_id)
    found = [session for session in named if session.is_open]
    for session in found:
        review(session, END_IS_MISSING)
        session.save(update_fields=["needs_review", "review_reasons"])
    return {session.pk for session in found}
