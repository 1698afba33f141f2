"""The line that says how a fleet is doing. Pure text: where it is printed is not known here."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.simulator.events import CHARGING_STATES, State
from gateway.simulator.fleet import Fleet


@dataclass(slots=True)
class Progress:
    """Remembers the last look, so that it can tell messages per second."""

    frames: int = 0
    looked_at: float = 0.0

    def line(self, fleet: Fleet) -> str:
        stats, now = fleet.stats, fleet.agenda.now()
        frames = stats.frames_up + stats.frames_down
        elapsed_s = now - self.looked_at if self.looked_at else 0.0
        rate = (frames - self.frames) / elapsed_s if elapsed_s else 0.0
        self.frames, self.looked_at = frames, now
        states = [c.state for agent in fleet.agents for c in agent.charger.connectors]
        energy_kwh = sum(agent.charger.metering.energy_wh for agent in fleet.agents) / 1000
        parts = [
            f"{stats.connected}/{len(fleet.plan.members)} connected",
            f"{len(fleet.plan.members) - stats.connected} offline",
            f"{sum(state in CHARGING_STATES for state in states)} charging",
            f"{states.count(State.FAULTED)} faulted",
            f"{rate:.0f} msg/s",
            f"{stats.sessions} sessions",
            f"{energy_kwh:.1f} kWh",
        ]
        troubles = {
            "tokens refused": stats.tokens_refused,
            "errors": stats.errors,
            "timeouts": stats.timeouts,
            "given up": stats.given_up,
        }
        parts += [f"{count} {name}" for name, count in troubles.items() if count]
        return " · ".join(parts)


def summary(fleet: Fleet) -> str:
    """What a fleet did in its life."""
    stats = fleet.stats
    energy_kwh = sum(agent.charger.metering.energy_wh for agent in fleet.agents) / 1000
    return (
        f"{len(fleet.agents)} chargers, {stats.sessions} sessions, {energy_kwh:.1f} kWh, "
        f"{stats.frames_up} frames up, {stats.frames_down} down, {stats.errors} errors, {stats.timeouts} timeouts, "
        f"{stats.given_up} given up"
    )
