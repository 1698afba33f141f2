"""Two sessions on one connector cannot both be running: the one that started earlier has ended without telling us."""

from __future__ import annotations

from sessions import energy
from sessions.models import ChargingSession

NEVER_ENDED = "Another session started on its connector before this one was stopped; its end is unknown."


def supersede(session: ChargingSession) -> list[ChargingSession]:
    """Close what a session that has just begun leaves behind: all but the latest on its connector. Returns the closed.

    Their energy counts up to the last reading. The session itself is closed when it is the older one (a start that
    came late). A stop that comes after all takes it back, see `reopen`.
    """
    if session.evse_id == 0:  # not yet at a connector
        return []
    here = ChargingSession.objects.filter(
        charger=session.charger_id, evse_id=session.evse_id, stopped_at=None, is_superseded=False
    ).order_by()
    *ended, _ = sorted({*here, session}, key=lambda each: (each.started_at, each.pk))
    for each in ended:
        # The caller holds and saves its own instance of the session; that one must know as well.
        for instance in (each, session) if each.pk == session.pk else (each,):
            instance.is_superseded = True
            instance.power_w = None
            energy.review(instance, NEVER_ENDED)
            energy.recount(instance)
        each.save(update_fields=["is_superseded", "power_w", *energy.COLUMNS])
    return ended


def reopen(session: ChargingSession) -> None:
    """Its stop has come: its end is known now. Changes the instance only."""
    if session.is_superseded:
        session.is_superseded = False
        energy.withdraw(session, NEVER_ENDED)
