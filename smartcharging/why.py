"""Why a running session may draw what it may: by its charger's profiles, and by the site that shares its power."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chargers.models import Connector
from chargers.sentences import phrase
from sessions.models import ChargingSession
from smartcharging.abilities import as_profile
from smartcharging.cars import CHEAPER_LATER
from smartcharging.composite import Running, Station, limit_at
from smartcharging.models import ExternalLimit, InstalledProfile, Outlet
from smartcharging.schedules import Profile

UNLIMITED_A = 1e6

# Told to people, see chargers/sentences.py.
PROFILE_SAYS = phrase("Profile {number}: {rule}.")
WAITS = phrase("It waits: {limit} has no 6 A left for it.")
SHARED_OUT = phrase("The site gives it {current:g} A per phase; {limit} has no more to share.")
CHEAPER = phrase("It has time until it leaves and waits for cheaper hours; now it gets {current:g} A per phase.")
CAR_TAKES_LESS = phrase("The site gives it {current:g} A per phase; its car draws no more, so the rest goes to others.")
ALL_IT_TAKES = phrase("The site gives it {current:g} A per phase, which is all it can take.")


@dataclass(slots=True, frozen=True)
class Why:
    """``limit_a`` per phase, None: no profile limits it. ``because``: sentences, what binds first."""

    limit_a: float | None
    because: tuple[str, ...]


def of_session(session: ChargingSession, *, at: datetime) -> Why | None:
    """None for a session that is over."""
    if not session.is_open:
        return None
    station = Station(_evse_ids(session), default_a=UNLIMITED_A, default_w=UNLIMITED_A)
    running = {session.evse_id: Running(session.started_at, session.transaction_id)}
    step = limit_at(_profiles(session), station, evse_id=session.evse_id, at=at, unit="A", running=running)
    bound = [reason for reason in step.why if reason.profile_id is not None]
    told = [PROFILE_SAYS.format(number=reason.profile_id, rule=reason.rule) for reason in bound]
    limit_a = step.limit if bound else None
    return Why(
        limit_a,
        (*told, *_of_site(session)) or (phrase("No profile limits it; it may draw what its cable lets through."),),
    )


def _evse_ids(session: ChargingSession) -> tuple[int, ...]:
    known = Connector.objects.filter(charger=session.charger_id, evse_id__gt=0).values_list("evse_id", flat=True)
    return tuple(sorted({*known, session.evse_id}))


def _profiles(session: ChargingSession) -> list[Profile]:
    installed = [as_profile(row) for row in InstalledProfile.objects.filter(charger=session.charger_id)]
    # Limits that others set come without a number; they are told apart by it.
    external = [
        Profile(-row.pk, 0, "external", "absolute", schedules=row.schedules, evse_id=row.evse_id)
        for row in ExternalLimit.objects.filter(charger=session.charger_id)
    ]
    return installed + external


def _of_site(session: ChargingSession) -> list[str]:
    outlet = Outlet.objects.filter(
        charger=session.charger_id, evse_id=session.evse_id, node__site__plan__is_on=True
    ).first()
    if outlet is None:
        return []
    if outlet.is_wild:
        return [phrase("It was measured above its limit, so the site counts it with its whole cable.")]
    if outlet.is_queued:
        return [WAITS.format(limit=outlet.bound_by or phrase("the site"))]
    return [_shared(outlet).format(current=outlet.target_a, limit=outlet.bound_by)]


def _shared(outlet: Outlet) -> str:
    if outlet.bound_by == CHEAPER_LATER:
        return CHEAPER
    if outlet.bound_by:
        return SHARED_OUT
    return CAR_TAKES_LESS if outlet.enough_a is not None else ALL_IT_TAKES
