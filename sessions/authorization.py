"""Who may charge. The answer for a card does not depend on the charger that asks.

One token may charge several cars at once, for fleets share cards; ``ONE_SESSION_PER_TOKEN`` forbids it, and then only
the start of a second session says so: at the reader nobody can know yet which session the card is to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.conf import settings

from chargers.models import Charger
from sessions.models import ChargingSession, IdToken

Verdict = Literal["accepted", "blocked", "expired", "invalid", "concurrent"]


@dataclass(slots=True, frozen=True)
class Authorization:
    """What we say to a token; ``token`` is None when we do not know it."""

    verdict: Verdict
    token: IdToken | None = None

    @property
    def is_accepted(self) -> bool:
        return self.verdict == "accepted"


FREE = Authorization("accepted")  # a charger that needs no card (a button, a plug that is always on)


def authorize(value: str, *, at: datetime) -> Authorization:
    """Whether a token may charge at ``at``. Compared ignoring case; a token that we do not know may not."""
    token = IdToken.objects.filter(value_folded=value.casefold()).first() if value else None
    if token is None:
        return Authorization("invalid")
    if token.status == IdToken.Status.BLOCKED:
        return Authorization("blocked", token)
    if token.expires_at is not None and token.expires_at <= at:
        return Authorization("expired", token)
    return Authorization("accepted", token)


def authorize_start(value: str, *, charger: Charger, evse_id: int, at: datetime) -> Authorization:
    """As `authorize`, for a session that starts now on a connector."""
    answer = authorize(value, at=at)
    if not (settings.ONE_SESSION_PER_TOKEN and answer.is_accepted):
        return answer
    elsewhere = ChargingSession.objects.filter(id_token=answer.token, stopped_at=None, is_superseded=False)
    if elsewhere.exclude(charger=charger, evse_id=evse_id).exists():
        return Authorization("concurrent", answer.token)
    return answer
