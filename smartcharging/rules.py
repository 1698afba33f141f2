"""What the specifications demand of a charging profile, checked before it leaves. Pure: knows no table.

One visible table per family of versions: the paragraph, what breaks it, and a sentence for whoever gave the order.
OCPP 1.6 ed. 2 §3.13, §5.16, §7.8–7.14, §9.4; OCPP 2.0.1 and 2.1 part 2, K01 and Q08.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from chargers.sentences import phrase
from smartcharging.schedules import Profile, moment

SESSION_PURPOSES = ("tx", "tx_default")
# 2.1, table of operation modes: which a profile of a purpose may have. Whoever is missing may only charge.
_OF_SESSIONS = {
    *("ChargingOnly", "CentralSetpoint", "ExternalSetpoint", "ExternalLimits"),
    *("CentralFrequency", "LocalFrequency", "LocalLoadBalancing", "Idle"),
}
MODES = {
    "external": {"ChargingOnly", "ExternalLimits", "ExternalSetpoint"},
    "local_generation": {"ChargingOnly", "ExternalLimits"},
    "tx": _OF_SESSIONS,
    "tx_default": _OF_SESSIONS,
}
POWERS_SINCE_21 = {
    f"{kind}{phase}"
    for kind in ("limit", "discharge_limit", "setpoint", "setpoint_reactive")
    for phase in ("", "_l2", "_l3")
} - {"limit"}
NEEDS = {"ChargingOnly": "limit", "CentralSetpoint": "setpoint", "CentralFrequency": "setpoint"}


@dataclass(slots=True, frozen=True)
class Abilities:
    """What a charger said it can do; None: it did not say, and gets the benefit of the doubt."""

    most_stack_level: int | None = None
    most_periods: int | None = None
    most_profiles: int | None = None
    units: frozenset[str] | None = None
    additional_purposes: frozenset[str] | None = None  # of 2.1, in our words
    features: Mapping[str, bool] = field(default_factory=dict)  # "dynamic", "local_time"
    least_profile_id: int | None = None
    phases: int = 3
    is_dc: bool = False


@dataclass(slots=True, frozen=True)
class Case:
    """A profile on its way to ``profile.evse_id``, and what is there. ``running``: EVSE → id of its session."""

    profile: Profile
    version: str  # "1.6", "2.0.1", "2.1"
    abilities: Abilities = Abilities()
    installed: Sequence[Profile] = ()
    running: Mapping[int, str] = field(default_factory=dict)
    is_start: bool = False  # it rides along with a remote start, so its session is yet to come
    evse_ids: frozenset[int] | None = None

    @property
    def schedules(self) -> list[dict[str, Any]]:
        return self.profile.schedules

    @property
    def periods(self) -> list[dict[str, Any]]:
        return [period for schedule in self.schedules for period in schedule.get("periods") or ()]


@dataclass(slots=True, frozen=True)
class Objection:
    requirement: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.sentence} ({self.requirement})"


def objections(case: Case) -> list[Objection]:
    """All that is wrong with a profile; empty if it may go."""
    return list(_found(case))


def _found(case: Case) -> Iterator[Objection]:
    older = case.version == "1.6"
    for old, new, is_broken, sentence in RULES:
        requirement = old if older else new
        if requirement and (not requirement.startswith("2.1 ") or case.version == "2.1") and is_broken(case):
            named = f"OCPP 1.6 {requirement}" if older else requirement.removeprefix("2.1 ")
            yield Objection(named, sentence.format(profile=case.profile, abilities=case.abilities, case=case))


Test = Callable[[Case], bool]


def _any_schedule(test: Callable[[dict[str, Any]], bool]) -> Test:
    return lambda case: any(test(schedule) for schedule in case.schedules)


def _any_period(test: Callable[[dict[str, Any]], bool]) -> Test:
    return lambda case: any(test(period) for period in case.periods)


def _mode(period: dict[str, Any]) -> str:
    return str(period.get("operation_mode") or "ChargingOnly")


def _starts(schedule: dict[str, Any]) -> list[float]:
    return [period.get("start_s", 0) for period in schedule.get("periods") or ()]


def _above(ability: str, value: Callable[[Case], int]) -> Test:
    def is_above(case: Case) -> bool:
        most = getattr(case.abilities, ability)
        return most is not None and value(case) > most

    return is_above


def _clashes(case: Case) -> bool:
    """Another profile in the same place of the stack, valid at the same time."""
    return any(_place(case.profile) == _place(other) and _overlap(case.profile, other) for other in _others(case))


def _others(case: Case) -> Iterator[Profile]:
    return (other for other in case.installed if other.profile_id != case.profile.profile_id)


def _place(profile: Profile) -> tuple[int, str, int, str]:
    return profile.evse_id, profile.purpose, profile.stack_level, profile.transaction_id


def _overlap(one: Profile, other: Profile) -> bool:
    from_ = max((p.valid_from for p in (one, other) if p.valid_from), default=None)
    to = min((p.valid_to for p in (one, other) if p.valid_to), default=None)
    return from_ is None or to is None or from_ < to


def _default_elsewhere(case: Case) -> bool:
    """A default of the charger and one of an EVSE at one level: which one leads, versions and firmware disagree."""
    mine = case.profile
    return mine.purpose == "tx_default" and any(
        other.purpose == "tx_default"
        and other.stack_level == mine.stack_level
        and other.evse_id != mine.evse_id
        and 0 in (other.evse_id, mine.evse_id)
        and _overlap(mine, other)
        for other in _others(case)
    )


def _is_session_profile(case: Case) -> bool:
    return case.profile.purpose == "tx"


def _no_session(case: Case) -> bool:
    # A session whose EVSE is not known yet stands at 0.
    named = case.profile.transaction_id in ("", case.running.get(0, ""))
    is_there = case.profile.evse_id in case.running or (0 in case.running and named)
    return _is_session_profile(case) and not case.is_start and not is_there


def _other_session(case: Case) -> bool:
    told, there = case.profile.transaction_id, case.running.get(case.profile.evse_id)
    return _is_session_profile(case) and not case.is_start and there is not None and told not in ("", there)


_SINCE_21 = {"random_delay_s", "use_local_time"}


def _says_more_than_a_limit(case: Case) -> bool:
    """Whatever a 2.1 profile may say and an older one has no words for."""
    return any(
        _mode(period) != "ChargingOnly" or not POWERS_SINCE_21.isdisjoint(period) for period in case.periods
    ) or any(schedule.get(name) for schedule in case.schedules for name in _SINCE_21)


def _missing_power(period: dict[str, Any]) -> bool:
    needed = NEEDS.get(_mode(period))
    return needed is not None and period.get(needed) is None


def _unreadable_time(case: Case) -> bool:
    try:
        for schedule in case.schedules:
            moment(schedule.get("start_at"))
    except ValueError:
        return True
    return False


def _lacks(feature: str, uses: Test) -> Test:
    return lambda case: uses(case) and case.abilities.features.get(feature) is False


# OCPP 1.6, OCPP 2.x (after "2.1 " only there; None: no such rule), what breaks it, what we say.
RULES: tuple[tuple[str | None, str | None, Test, str], ...] = (
    ("§3.13.1", "K01.FR.22", lambda c: c.profile.purpose == "external",
     phrase("Limits that others set are told by the charger and cannot be given to it.")),
    ("§7.8", "K01", lambda c: c.version != "2.1" and c.profile.purpose in ("priority", "local_generation"),
     phrase("Profiles for {profile.purpose} came with OCPP 2.1.")),
    ("§7.9", "K01", lambda c: c.version != "2.1" and c.profile.kind == "dynamic",
     phrase("Dynamic profiles came with OCPP 2.1.")),
    ("§7.14", "K01", lambda c: c.version != "2.1" and _says_more_than_a_limit(c),
     phrase("Only OCPP 2.1 knows more of a period than one limit, and schedules by local time or at random.")),
    ("§7.14", None, _any_period(lambda p: p.get("phase_to_use") is not None),
     phrase("Which phase to use can only be said since OCPP 2.0.1.")),
    ("§5.16", "K01.FR.28", lambda c: c.evse_ids is not None and c.profile.evse_id not in {0, *c.evse_ids},
     phrase("The charger has no EVSE {profile.evse_id}.")),
    ("§3.13.1", "K01.FR.04", lambda c: c.profile.purpose == "charger_max" and c.profile.evse_id != 0,
     phrase("A limit of the charger as a whole belongs to EVSE 0, not to {profile.evse_id}.")),
    (None, "K01.FR.38", lambda c: c.profile.purpose == "charger_max" and c.profile.kind == "relative",
     phrase("A limit of the charger as a whole belongs to no session, so it cannot count from the start of one.")),
    ("§3.13.1", "K01.FR.16", lambda c: _is_session_profile(c) and c.profile.evse_id == 0 and not c.is_start,
     phrase("A profile of one session needs the EVSE of that session, not 0.")),
    ("§5.16.2", "K01.FR.09", _no_session,
     phrase("No session runs on EVSE {profile.evse_id} that the profile could hold for.")),
    (None, "K01.FR.03", lambda c: _is_session_profile(c) and not c.is_start and not c.profile.transaction_id,
     phrase("A profile of one session must name the session.")),
    ("§5.16.2", "K01.FR.33", _other_session,
     phrase("Session {profile.transaction_id!r} is not the one that runs on EVSE {profile.evse_id}.")),
    (None, "K01.FR.06, K01.FR.39", _clashes,
     phrase("Another profile holds stack level {profile.stack_level} there then; take its number or another level.")),
    (None, "K01.FR.52, K01.FR.53", _default_elsewhere,
     phrase("Charger and EVSE would both have a default at stack level {profile.stack_level}; take another level.")),
    ("§7.8", None, lambda c: _is_session_profile(c) and bool(c.profile.valid_from or c.profile.valid_to),
     phrase("A profile of one session has no validity of its own; give its schedule a start and a duration.")),
    ("§7.8", "K01", lambda c: bool(c.profile.valid_from and c.profile.valid_to)
     and c.profile.valid_from >= c.profile.valid_to,  # type: ignore[operator]
     phrase("It would be over at {profile.valid_to} before it begins at {profile.valid_from}.")),
    ("§7.8", "K01", lambda c: c.profile.kind == "recurring" and c.profile.recurrency not in ("daily", "weekly"),
     phrase("A recurring profile must say whether it recurs daily or weekly.")),
    ("§7.8", "K01", lambda c: c.profile.stack_level < 0, phrase("Stack level {profile.stack_level} is below 0.")),
    ("§7.13", "K01.FR.40", lambda c: c.profile.kind == "recurring"
     and any(not schedule.get("start_at") for schedule in c.schedules),
     phrase("A recurring schedule needs a start, which says at which hour.")),
    (None, "K01.FR.40", lambda c: c.profile.kind == "absolute"
     and any(not schedule.get("start_at") for schedule in c.schedules),
     phrase("An absolute schedule needs a start.")),
    (None, "K01.FR.41", lambda c: c.profile.kind == "relative"
     and any(schedule.get("start_at") for schedule in c.schedules),
     phrase("A relative schedule starts with the session and cannot have a start of its own.")),
    ("§7.13", "K01", _unreadable_time, phrase("The start of its schedule is no time that we can read.")),
    ("§7.13", "K01", lambda c: not c.schedules or any(not schedule.get("periods") for schedule in c.schedules),
     phrase("A charging profile needs at least one period with a limit.")),
    ("§7.14", "K01.FR.31", _any_schedule(lambda s: _starts(s)[:1] not in ([], [0])),
     phrase("The first period must start at 0.")),
    ("§7.14", "K01.FR.35", _any_schedule(lambda s: any(a >= b for a, b in pairwise(_starts(s)))),
     phrase("The periods must come in order of time.")),
    ("§7.14", "K01", lambda c: any(p.get(name, 0) < 0 for p in c.periods for name in ("limit", "limit_l2", "limit_l3")
                                   if p.get(name) is not None),
     phrase("A limit below 0 makes no sense; 0 stops the charge.")),
    (None, "2.1 K01", _any_period(lambda p: (p.get("discharge_limit") or 0) > 0),
     phrase("A limit for discharging is 0 or below.")),
    ("§7.14", "K01.FR.45", lambda c: not c.abilities.is_dc
     and any(p.get("phases") is not None and not 1 <= p["phases"] <= c.abilities.phases for p in c.periods),
     phrase("Phases are 1 to {abilities.phases} here.")),
    (None, "K01.FR.44", lambda c: c.abilities.is_dc and any(p.get("phases") is not None for p in c.periods),
     phrase("A DC charger has no phases to choose from.")),
    (None, "K01.FR.19, K01.FR.48", _any_period(lambda p: p.get("phase_to_use") is not None and p.get("phases") != 1),
     phrase("Which phase to use can only be said where one phase is used.")),
    ("§9.4.1", "K01.FR.04", _above("most_stack_level", lambda c: c.profile.stack_level),
     phrase("Its stack levels go up to {abilities.most_stack_level}; {profile.stack_level} is above.")),
    ("§9.4.2", "K01.FR.26", lambda c: c.abilities.units is not None
     and any(schedule.get("unit") not in c.abilities.units for schedule in c.schedules),
     phrase("The charger does not take limits in this unit; "
            "it said what it takes when it was asked for its settings.")),
    ("§9.4.3", "K01.FR.34", _above("most_periods", lambda c: max(len(s.get("periods") or ()) for s in c.schedules)),
     phrase("It takes at most {abilities.most_periods} periods in a schedule.")),
    ("§9.4.5", "K01", _above("most_profiles", lambda c: 1 + sum(
        (_place(o) != _place(c.profile) or c.version != "1.6") for o in _others(c))),
     phrase("It holds at most {abilities.most_profiles} profiles; clear one first.")),
    (None, "2.1 K01.FR.70", lambda c: c.profile.purpose == "priority"
     and any(schedule.get("duration_s") for schedule in c.schedules),
     phrase("A profile for priority holds until the session ends and has no duration.")),
    (None, "2.1 K01.FR.71", lambda c: c.profile.purpose == "priority"
     and any(_mode(period) != "ChargingOnly" for period in c.periods),
     phrase("With priority a car only charges.")),
    (None, "2.1 K01.FR.81", lambda c: c.abilities.least_profile_id is not None
     and c.profile.profile_id < c.abilities.least_profile_id,
     phrase("Profile numbers below {abilities.least_profile_id} are for those that others set.")),
    (None, "2.1 K01.FR.95", lambda c: c.profile.purpose not in SESSION_PURPOSES
     and any(schedule.get("random_delay_s") for schedule in c.schedules),
     phrase("Only profiles of sessions may start at random.")),
    (None, "2.1 K01.FR.120", lambda c: c.profile.purpose in ("priority", "local_generation")
     and c.abilities.additional_purposes is not None and c.profile.purpose not in c.abilities.additional_purposes,
     phrase("The charger does not know profiles for {profile.purpose}.")),
    (None, "2.1 K01.FR.121", _lacks("dynamic", lambda c: c.profile.kind == "dynamic"),
     phrase("The charger does not know dynamic profiles.")),
    (None, "2.1 K01.FR.123", _lacks("local_time", _any_schedule(lambda s: bool(s.get("use_local_time")))),
     phrase("The charger does not go by local time.")),
    (None, "2.1 K01.FR.124", _lacks("random_delay", _any_schedule(lambda s: s.get("random_delay_s") is not None)),
     phrase("The charger cannot start at random.")),
    (None, "2.1 K28", lambda c: c.profile.kind == "dynamic" and any(len(_starts(s)) != 1 for s in c.schedules),
     phrase("A dynamic profile has one period, which is changed later.")),
    (None, "2.1 K01", lambda c: any(_mode(p) not in MODES.get(c.profile.purpose, {"ChargingOnly"}) for p in c.periods),
     phrase("A profile for {profile.purpose} cannot work in that mode.")),
    (None, "2.1 K01", _any_period(_missing_power),
     phrase("A period that only charges needs a limit, one with a set point its set point.")),
    (None, "2.1 Q08.FR.05", lambda c: any(
        schedule.get("unit") == "A" and _mode(period) == "LocalFrequency"
        for schedule in c.schedules for period in schedule.get("periods") or ()),
     phrase("A curve over the grid's frequency is in watts.")),
)  # fmt: skip
