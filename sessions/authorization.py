"""Who may charge. The answer for a card does not depend on the charger that asks.

One token may charge several cars at once, for fleets share cards; its ``session_limit`` says how many, and
``ONE_SESSION_PER_TOKEN`` says one where it does not. Only the start of a session too many says so: at the reader nobody
can know yet which session the card is to end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.conf import settings

from chargers.models import Charger
from chargers.rows import Lookup
from sessions.models import ChargingSession, IdToken

Place = tuple[int, int]  # charger's pk and EVSE
_BY_VALUE = Lookup(IdToken, by=["value_folded"])
_RUNNING_WITH = Lookup(ChargingSession, by=["id_token_id"], also="t.stopped_at IS NULL AND NOT t.is_superseded")
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


class Tokens:
    """The tokens that a batch of messages shows, read at once. ``are_starting``: sessions begin with them."""

    def __init__(self, values: Iterable[str], *, are_starting: bool = False) -> None:
        folded = {(value.casefold(),) for value in values if value}
        self._tokens = {token.value_folded: token for token in _BY_VALUE(folded)}
        self._places: dict[int, set[Place]] = {}  # where a token is charging, if it may do so at few places only
        limited = {(token.pk,) for token in self._tokens.values() if _limit(token)} if are_starting else set()
        if limited:
            for session in _RUNNING_WITH(limited):
                self._charges_at(session.id_token_id, (session.charger_id, session.evse_id))

    def authorize(self, value: str, *, at: datetime) -> Authorization:
        """Whether a token may charge at ``at``. Compared ignoring case; a token that we do not know may not."""
        token = self._tokens.get(value.casefold())
        if token is None:
            return Authorization("invalid")
        if token.status == IdToken.Status.BLOCKED:
            return Authorization("blocked", token)
        if token.expires_at is not None and token.expires_at <= at:
            return Authorization("expired", token)
        return Authorization("accepted", token)

    def authorize_start(self, value: str, *, charger: Charger, evse_id: int, at: datetime) -> Authorization:
        """As `authorize`, for a session that starts now on a connector."""
        answer = self.authorize(value, at=at)
        limit = _limit(answer.token) if answer.is_accepted and answer.token else None
        if limit is None or answer.token is None:
            return answer
        here = (charger.pk, evse_id)
        if len(self._places.get(answer.token.pk, set()) - {here}) >= limit:
            return Authorization("concurrent", answer.token)
        self._charges_at(answer.token.pk, here)  # for the next one of this batch
        return answer

    def _charges_at(self, token_id: int | None, place: Place) -> None:
        if token_id is not None:
            self._places.setdefault(token_id, set()).add(place)


def _limit(token: IdToken) -> int | None:
    """At how many places it may charge at once."""
    return token.session_limit or (1 if settings.ONE_SESSION_PER_TOKEN else None)


def authorize(value: str, *, at: datetime) -> Authorization:
    """Whether one token may charge at ``at``."""
    return Tokens([value]).authorize(value, at=at)
