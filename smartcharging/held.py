"""What chargers hold, or may hold, beside what the ledger sent them: our defaults, and profiles that staff gave.

A profile counts from the moment it is ordered, by whichever verb or raw message: set, taken along by a remote start, or
changed as a dynamic one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from chargers.models import Command, CommandStatus
from chargers.rows import sentence
from sessions.models import ChargingSession
from smartcharging import leading
from smartcharging.models import InstalledProfile, Outlet, SitePlan

LIMITS = ("limit", "limit_l2", "limit_l3")
LEADING = ("tx", "tx_default", "priority")  # purposes of profiles that may raise what a car gets
CARRYING = ("set_profile", "remote_start", "update_schedule")
OURS = ("plan floor", "plan lease")  # they are in the ledger on their own
# A remote start without an answer: nobody plugs in after that, so a later session does not have its profile.
PATIENCE = timedelta(minutes=10)


def chargers_of(site_id: int) -> QuerySet[Outlet, int]:
    """As a subquery: a thousand numbers in each statement cost more than what they ask for."""
    return Outlet.objects.filter(node__site=site_id).order_by().values_list("charger", flat=True)


class Held(NamedTuple):
    """A profile that may lead at an EVSE (0: at each) of a charger. ``schedules``: as JSON."""

    evse_id: int
    number: int
    schedules: str

    def most_a(self, outlet: Outlet, volts: float) -> float:
        """The most that it allows there; of a period that says none, or none that can be read, what the cable bears."""
        return _most_a(self.schedules, outlet.cable_a, outlet.phases, volts)


@lru_cache(maxsize=4096)
def _most_a(schedules: str, cable_a: float, phases: int, volts: float) -> float:
    """What a plan told to a thousand chargers at once is read once."""
    allowed_a = [
        _amperes(period, schedule.get("unit") == "A", volts, cable_a=cable_a, phases=phases)
        for schedule in orjson.loads(schedules)
        for period in schedule.get("periods") or ()
    ]
    return max(allowed_a, default=cable_a)


def _amperes(period: dict[str, Any], in_amperes: bool, volts: float, *, cable_a: float, phases: int) -> float:
    """Per phase; where phases are told apart, on the one that has most."""
    told = [value for name in LIMITS if isinstance(value := period.get(name), int | float)]
    if not isinstance(period.get("limit"), int | float):
        return cable_a
    if in_amperes:
        return float(max(told))
    # Watts are those of all phases that are used, unless they are told apart.
    used = 1 if len(told) > 1 else min(_whole(period.get("phases")) or phases, phases)
    return float(max(told)) / (volts * used)


@dataclass(slots=True)
class Beside:
    """By charger: what it confirmed, and what was ordered and may be there."""

    confirmed: Mapping[int, list[Held]]
    in_doubt: Mapping[int, list[Held]]
    volts: float

    def defaults_a(self, charger_id: int, outlet: Outlet) -> tuple[float | None, float | None]:
        """What our default allows there, and what it falls back to: more, if it holds, or may hold, another profile
        that may lead. None: it does not hold our default.
        """
        number = leading.profile_id(outlet.evse_id, "default")
        own = [one for one in self.confirmed.get(charger_id, ()) if one.number == number]
        own_a = next((one.most_a(outlet, self.volts) for one in own if one.evse_id == outlet.evse_id), None)
        if own_a is None:
            return None, None
        if len(self.confirmed[charger_id]) == 1 and charger_id not in self.in_doubt:  # most of a large site
            return own_a, own_a
        # What was ordered counts under whichever number: another default may be on its way.
        maybe_a = [one.most_a(outlet, self.volts) for one in _there(self.in_doubt, charger_id, outlet)]
        return own_a, max([own_a, self.others_a(charger_id, outlet), *maybe_a])

    def default_doubt_a(self, charger_id: int, outlet: Outlet) -> float:
        """The most that a default of ours allows there which is on its way, or was never answered."""
        number = leading.profile_id(outlet.evse_id, "default")
        maybe = [one for one in _there(self.in_doubt, charger_id, outlet) if one.number == number]
        return max((one.most_a(outlet, self.volts) for one in maybe), default=0.0)

    def others_a(self, charger_id: int, outlet: Outlet) -> float:
        """The most that profiles which are not the planner's may allow there; 0 where there are none."""
        there = [*_there(self.confirmed, charger_id, outlet), *_there(self.in_doubt, charger_id, outlet)]
        others = [one for one in there if not leading.is_ours(one.number, outlet.evse_id)]
        return max([one.most_a(outlet, self.volts) for one in others], default=0.0)


def _there(held: Mapping[int, list[Held]], charger_id: int, outlet: Outlet) -> list[Held]:
    return [one for one in held.get(charger_id, ()) if one.evse_id in (0, outlet.evse_id)]


def beside(plan: SitePlan, sessions: Collection[ChargingSession], *, at: datetime) -> Beside:
    """Read what there is at a site."""
    confirmed: dict[int, list[Held]] = defaultdict(list)
    for charger_id, evse_id, number, schedules in _confirmed(plan.site_id):
        confirmed[charger_id].append(Held(evse_id, number, schedules))
    return Beside(confirmed, _in_doubt(plan, confirmed, sessions, at), plan.volts)


@sentence
def _confirmed(site_id: int) -> QuerySet[Any, Any]:
    rows = InstalledProfile.objects.filter(charger__in=chargers_of(site_id), purpose__in=LEADING).order_by()
    return rows.values_list("charger", "evse_id", "profile_id", Cast("schedules", TextField()))


def _in_doubt(
    plan: SitePlan, confirmed: Mapping[int, list[Held]], sessions: Collection[ChargingSession], at: datetime
) -> dict[int, list[Held]]:
    """Profiles that were ordered, and that the charger may hold without having said so.

    One that was confirmed under the same number later is not there.
    """
    orders = [
        order
        for statuses in (CommandStatus.open(), (CommandStatus.TIMEOUT,))  # each has an index of its own
        for order in _unclear(plan.site_id, statuses)
    ]
    confirmed_at = _confirmed_at({charger_id for charger_id, *_ in orders})
    found: dict[int, list[Held]] = defaultdict(list)
    for charger_id, verb, told, created_at, answer in orders:
        arguments, late_answer = orjson.loads(told), orjson.loads(answer or "null")
        if isinstance(late_answer, dict) and late_answer.get("status") == "Rejected":
            continue
        if verb == "remote_start":
            here = [session.started_at for session in sessions if session.charger_id == charger_id]
            if not any(abs(moment - created_at) <= PATIENCE for moment in (at, *here)):
                continue
        held = _ordered(arguments, confirmed.get(charger_id, ()))
        if held is not None and confirmed_at.get((charger_id, held.number), created_at) <= created_at:
            found[charger_id].append(held)
    return found


@sentence
def _unclear(site_id: int, statuses: tuple[CommandStatus, ...]) -> QuerySet[Any, Any]:
    """Orders whose profile the charger may hold. Raw ones have arguments where they were understood as they left."""
    carrying = Q(verb__in=CARRYING) | Q(verb="") & ~Q(arguments={})
    rows = Command.objects.filter(carrying, charger__in=chargers_of(site_id), status__in=statuses)
    rows = rows.exclude(requested_via__in=OURS).order_by()
    as_text = (Cast("arguments", TextField()), Cast("late_answer", TextField()))
    return rows.values_list("charger", "verb", as_text[0], "created_at", as_text[1])


def _confirmed_at(charger_ids: Collection[int]) -> dict[tuple[int, int], datetime]:
    """When these chargers last took a profile of each number."""
    if not charger_ids:
        return {}
    rows = InstalledProfile.objects.filter(charger__in=charger_ids)
    return {
        (charger_id, number): at for charger_id, number, at in rows.values_list("charger", "profile_id", "installed_at")
    }


def _ordered(arguments: dict[str, Any], confirmed: Collection[Held]) -> Held | None:
    """What an order may leave at the charger; None for one that cannot raise anything."""
    profile, number = arguments.get("profile"), _whole(arguments.get("profile_id"))
    if not isinstance(profile, dict):
        return _changed(number, arguments, confirmed) if number else None
    if profile.get("purpose", "tx_default") not in LEADING:
        return None
    schedules = profile.get("schedules")
    if not isinstance(schedules, list):
        schedules = [{"unit": profile.get("unit", "A"), "periods": profile.get("periods")}]
    return Held(_whole(arguments.get("evse_id")), _whole(profile.get("id")), json.dumps(schedules))


def _changed(number: int, powers: dict[str, Any], confirmed: Collection[Held]) -> Held | None:
    """New powers for a dynamic profile that the charger holds."""
    held = next((one for one in confirmed if one.number == number), None)
    schedules = orjson.loads(held.schedules) if held is not None else []
    if held is None or not schedules:
        return None
    period = {**next(iter(schedules[0].get("periods") or ()), {}), **powers}
    return Held(held.evse_id, number, json.dumps([{**schedules[0], "periods": [period]}]))


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float | str) and str(value).isdecimal() else 0
