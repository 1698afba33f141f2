"""What a charger's profiles mean for its connectors: the limit now, and the composite schedule ahead. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.simulator.connector import GRID_V, Connector
from gateway.simulator.profiles import Supply

if TYPE_CHECKING:
    from gateway.simulator.charger import Charger


def limit_w(charger: Charger, connector: Connector, at: float) -> float | None:
    """What the session at a connector may draw; None if no profile says.

    A limit of the whole charger is shared equally by the sessions whose car still wants power.
    """
    session = connector.session
    if session is None or not len(charger.profiles):
        return None
    own_w = charger.profiles.session_limit_w(
        connector.number, at, connector.supply, session_id=session.wire_id, session_at=session.started_at
    )
    station_w = charger.profiles.station_limit_w(at, connector.supply)
    if station_w is not None:
        hungry = [s for s in charger.sessions() if s is session or (s.connector.car and not s.connector.car.is_full)]
        station_w /= len(hungry)
    return min((w for w in (own_w, station_w) if w is not None), default=None)


def composite_w(charger: Charger, number: int, duration_s: float) -> list[tuple[float, float]]:
    """(offset in s, W) steps from now on at a connector, or of the whole charger for number 0.

    A connector without a session is computed as if one began now: who asks wants to see what the default will do.
    """
    now = charger.agenda.now()
    meant = [c for c in charger.connectors if number in (0, c.number)]

    def of_connector(connector: Connector, at: float) -> float:
        session = connector.session
        found_w = charger.profiles.session_limit_w(
            connector.number,
            at,
            connector.supply,
            session_id=session.wire_id if session else None,
            session_at=session.started_at if session else now,
        )
        return connector.max_power_w if found_w is None else min(found_w, connector.max_power_w)

    def at_moment(at: float) -> float:
        total_w = sum(of_connector(connector, at) for connector in meant)
        supply = Supply(GRID_V, 3) if number == 0 else meant[0].supply
        station_w = charger.profiles.station_limit_w(at, supply)
        return total_w if station_w is None else min(total_w, station_w)

    starts = [connector.session.started_at if connector.session else now for connector in meant]
    return charger.profiles.composite(now, duration_s, starts, at_moment)
