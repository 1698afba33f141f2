"""When a charger's meter is read, and how power follows limits and cars between two readings. Pure, on the agenda."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.simulator import events as e
from gateway.simulator.agenda import Entry
from gateway.simulator.connector import Connector, Session
from gateway.simulator.events import Cause
from gateway.simulator.limits import limit_w

if TYPE_CHECKING:
    from gateway.simulator.charger import Charger

LONGEST_STEP_S = 10.0
"""A charge is looked at at least this often, so that a limit and a full battery show soon."""
SHORTEST_STEP_S = 0.05


class Metering:
    """The meters of one charger. `energy_wh` is all that went through them since the simulation began."""

    __slots__ = ("_charger", "_clock_entry", "energy_wh")

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self._clock_entry: Entry | None = None
        self.energy_wh = 0.0

    def read(self, connector: Connector, cause: Cause) -> None:
        """Tell the meter as it stands now, as the session's if there is one."""
        session = connector.session
        if session is None:
            self.read_apart(connector, cause)
            return
        self.advance(connector)
        self._charger.tell(e.SessionUpdated(session, connector.reading(self._now), session.state, cause))

    def read_apart(self, connector: Connector, cause: Cause) -> None:
        """Tell the meter as it stands now, whatever runs through it."""
        self.advance(connector)
        self._charger.tell(e.MeterRead(connector.number, connector.reading(self._now), cause))

    def advance(self, connector: Connector) -> None:
        """Let the register catch up with the power that flowed."""
        self.energy_wh += connector.measure(self._now)

    def flow(self, session: Session) -> None:
        """Bring a session up to date: meter, limit, power, and the state if that changed."""
        connector, before = session.connector, session.state
        self.advance(connector)
        connector.flow(limit_w(self._charger, connector, self._now))
        if session.state is not before:
            self._charger.show(connector)
            self.read(connector, Cause.STATE_CHANGED)

    def follow(self, session: Session) -> None:
        """Look at a session now and then until it ends."""
        self._charger.agenda.after(self._step_s(session), partial(self._tick, session))

    def rearm_clock(self) -> None:
        """The interval of clock-aligned readings has changed."""
        if self._clock_entry is not None:
            self._clock_entry.cancel()
            self._clock_entry = None
        if interval_s := self._charger.settings.number("clock_interval_s"):
            now = self._now
            self._clock_entry = self._charger.agenda.at(now - now % interval_s + interval_s, self._strike)

    @property
    def _now(self) -> float:
        return self._charger.agenda.now()

    def _tick(self, session: Session) -> None:
        if not session.is_running:
            return
        self.flow(session)
        if self._is_sample_due(session):
            self.read(session.connector, Cause.INTERVAL)
        self.follow(session)

    def _is_sample_due(self, session: Session) -> bool:
        interval_s = self._charger.settings.number("sample_interval_s")
        if interval_s == 0 or self._now - session.sampled_at < interval_s - SHORTEST_STEP_S:
            return False
        session.sampled_at += interval_s
        return True

    def _step_s(self, session: Session) -> float:
        """To the next sample, the next step of a limit or the full battery, whichever comes first."""
        now = self._now
        interval_s = self._charger.settings.number("sample_interval_s") or LONGEST_STEP_S
        step_s = min(LONGEST_STEP_S, max(SHORTEST_STEP_S, session.sampled_at + interval_s - now))
        profiles = self._charger.profiles
        if len(profiles):
            step_s = min([step_s, *(edge - now for edge in profiles.edges(now, now + step_s, [session.started_at]))])
        car, is_dc = session.connector.car, session.connector.is_dc
        if car is not None and session.power_w > 0:
            full_in_s = car.needs_wh(is_dc=is_dc) * 3600 / session.power_w / session.lapse
            step_s = min(step_s, max(SHORTEST_STEP_S, full_in_s))
        return step_s

    def _strike(self) -> None:
        for connector in self._charger.connectors:
            self.read(connector, Cause.CLOCK)
        self.rearm_clock()
