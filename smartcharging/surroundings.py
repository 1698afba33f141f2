"""What limits or shapes charging and is not ours to decide: limits that others set, and what cars say they need."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chargers.models import Charger
from sessions.models import ChargingSession
from smartcharging.models import ChargingNeeds, ExternalLimit

Schedule = dict[str, Any]  # as in `smartcharging.schedules.Profile`


@dataclass(slots=True, frozen=True)
class Needs:
    """``parameters``: by name with unit, as ``current_max_a``; ``energy_transfer`` as ISO 15118 calls it."""

    energy_transfer: str
    energy_wh: int | None = None
    soc_percent: float | None = None
    departs_at: datetime | None = None
    parameters: dict[str, float] = field(default_factory=dict)


def limited(
    charger: Charger, *, evse_id: int, source: str, is_grid_critical: bool, schedules: list[Schedule], at: datetime
) -> None:
    """Somebody else limits a charger; the latest word of each source stands."""
    ExternalLimit.objects.update_or_create(
        charger=charger,
        evse_id=evse_id,
        source=source[:20],
        defaults={"is_grid_critical": is_grid_critical, "schedules": schedules, "told_at": at},
    )


def released(charger: Charger, *, source: str, evse_id: int | None = None) -> int:
    """A source lifted its limit, of one EVSE or (None) everywhere; how many we knew."""
    limits = ExternalLimit.objects.filter(charger=charger, source=source[:20])
    return (limits if evse_id is None else limits.filter(evse_id=evse_id)).delete()[0]


def needs_told(charger: Charger, *, evse_id: int, needs: Needs, at: datetime) -> ChargingSession | None:
    """A car said what it needs; the session that it is in, None if there is none. Its earlier schedule is void."""
    session = _session(charger, evse_id)
    ChargingNeeds.objects.update_or_create(
        charger=charger,
        evse_id=evse_id,
        defaults={
            "session": session,
            "energy_transfer": needs.energy_transfer[:24],
            "energy_wh": needs.energy_wh,
            "soc_percent": needs.soc_percent,
            "departs_at": needs.departs_at,
            "parameters": needs.parameters,
            "schedule": None,
            "told_at": at,
        },
    )
    return session


def schedule_told(charger: Charger, *, evse_id: int, schedule: Schedule, at: datetime) -> None:
    """A car said how it means to charge; its needs, if it told them, stay."""
    ChargingNeeds.objects.update_or_create(
        charger=charger,
        evse_id=evse_id,
        defaults={"schedule": schedule, "told_at": at},
        create_defaults={"schedule": schedule, "told_at": at, "session": _session(charger, evse_id)},
    )


def _session(charger: Charger, evse_id: int) -> ChargingSession | None:
    running = ChargingSession.objects.filter(charger=charger, evse_id=evse_id, stopped_at=None, is_superseded=False)
    return running.first()
