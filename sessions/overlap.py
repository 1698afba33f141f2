"""Two sessions on one connector cannot both be running: the one that started earlier has ended without telling us."""

from __future__ import annotations

from collections.abc import Iterable

from chargers.models import Charger
from chargers.rows import rewrite
from chargers.sentences import phrase
from sessions import energy
from sessions.finding import OPEN
from sessions.models import ChargingSession

NEVER_ENDED = phrase("Another session started on its connector before this one was stopped; its end is unknown.")


class OpenSessions:
    """The sessions that some chargers have open, read at once. `write` stores what `supersede` closed."""

    def __init__(self, chargers: Iterable[Charger]) -> None:
        self._sessions = OPEN({(charger.pk,) for charger in chargers})
        self._closed: list[ChargingSession] = []

    def supersede(self, session: ChargingSession) -> list[ChargingSession]:
        """Close what a session that has just begun leaves behind: all but the latest on its connector. The closed ones.

        Their energy counts up to the last reading. The session itself, which the caller stores, is closed when it is
        the older one (a start that came late). A stop that comes after all takes it back, see `reopen`.
        """
        if session.evse_id == 0:  # not yet at a connector
            return []
        place = (session.charger_id, session.evse_id)
        others = [
            other
            for other in self._sessions
            if (other.charger_id, other.evse_id) == place and other.pk != session.pk and other.is_open
        ]
        *ended, _ = sorted([*others, session], key=lambda each: (each.started_at, each.pk))
        for each in ended:
            each.is_superseded = True
            each.power_w = None
            energy.review(each, NEVER_ENDED)
            energy.recount(each)
        self._closed += [each for each in ended if each is not session]
        return ended

    def write(self) -> None:
        rewrite(self._closed, ("is_superseded", "power_w", *energy.COLUMNS))
        self._closed = []


def reopen(session: ChargingSession) -> None:
    """Its stop has come: its end is known now. Changes the instance only."""
    if session.is_superseded:
        session.is_superseded = False
        energy.withdraw(session, NEVER_ENDED)
