"""Named charging profiles: kept, and sent to many places as a job. What becomes of them: `smartcharging.placements`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chargers import commands, jobs
from chargers.models import Charger, CommandStatus, Connector, Job
from chargers.sentences import phrase
from sessions.models import ChargingSession
from smartcharging import abilities, drafts, readback
from smartcharging.models import Placement, SavedProfile
from smartcharging.rules import Objection
from smartcharging.schedules import Profile

NUMBERS_FROM = 1_000_000  # out of the way of those that staff and plans give
EVSES = 1000  # numbers of one profile: one for each EVSE
PLACES = {
    "whole": _("The charger as a whole"),
    "each": _("Each of its EVSEs"),
    "one": _("One EVSE"),
    "sessions": _("The sessions that run there now"),
}

# Told to people, see chargers/sentences.py.
NOWHERE_TO_GO = phrase("It cannot go anywhere: {why}")
IS_NOWHERE = phrase("{name} is nowhere; there is nothing to take back.")
TAKE_BACK = phrase("Take back {name}")
PROFILE = phrase("Profile {name}")
PLACE = phrase("{identity}, connector {number}")
State = Placement.State


@dataclass(slots=True, frozen=True)
class Spot:
    """Where a profile may go. ``objections``: what speaks against it there."""

    charger: Charger
    evse_id: int
    session: ChargingSession | None
    profile: dict[str, Any]
    objections: tuple[Objection, ...] = ()

    def __str__(self) -> str:
        if not self.evse_id:
            return self.charger.identity
        return PLACE.format(identity=self.charger.identity, number=self.evse_id)


@transaction.atomic
def save(saved: SavedProfile, told: dict[str, Any], *, at: datetime) -> SavedProfile:
    """Keep a draft under its name; what it says is read and judged first.

    Raises drafts.Unreadable for what no version of OCPP would take.
    """
    draft = drafts.read(told)
    refused = drafts.refused_by(draft, at=at)
    if len(refused) == len(drafts.VERSIONS):
        # Of those alike the newest: it knows most of what was asked.
        fewest = min(reversed(refused.values()), key=len)
        raise drafts.Unreadable([str(objection) for objection in fewest])
    if saved.pk and saved.draft != draft:
        saved.version += 1
    saved.draft = draft
    saved.save()
    return saved


def number_of(saved: SavedProfile, evse_id: int) -> int:
    return NUMBERS_FROM + saved.pk % 1_000_000 * EVSES + evse_id


# -- where -------------------------------------------------------------------------------------------------------------


def spots(
    saved: SavedProfile, chargers: Iterable[Charger], *, place: str = "each", evse_id: int = 1, at: datetime
) -> list[Spot]:
    """Every place there is for it at these chargers, each with what its specification has against it."""
    purpose = saved.draft["purpose"]
    place = {"charger_max": "whole", "tx": "sessions"}.get(purpose, place)
    found = list(chargers)
    evses: dict[int, set[int]] = {}
    for charger_id, number in Connector.objects.filter(charger__in=found, evse_id__gt=0).values_list(
        "charger", "evse_id"
    ):
        evses.setdefault(charger_id, set()).add(number)
    open_sessions: dict[int, list[ChargingSession]] = {}
    for session in ChargingSession.objects.filter(charger__in=found, stopped_at=None, is_superseded=False):
        open_sessions.setdefault(session.charger_id, []).append(session)
    result = []
    for charger in found:
        if place == "sessions":
            result += [_spot(saved, charger, s.evse_id, s, at) for s in open_sessions.get(charger.pk, [])]
            continue
        numbers = {"whole": [0], "one": [evse_id]}.get(place) or sorted(evses.get(charger.pk, {1}))
        result += [_spot(saved, charger, number, None, at) for number in numbers]
    return result


def _spot(saved: SavedProfile, charger: Charger, evse_id: int, session: ChargingSession | None, at: datetime) -> Spot:
    zone = ZoneInfo(charger.site.timezone) if charger.site else ZoneInfo("UTC")
    told = drafts.for_charger(saved.draft, zone=zone, at=at)
    transaction_id = session.transaction_id if session else ""
    number = number_of(saved, evse_id)
    profile = drafts.as_profile(told, number=number, evse_id=evse_id, transaction_id=transaction_id)
    order = {"id": number, **told, **({"session_id": session.pk} if session else {})}
    if not charger.ocpp_version:
        objection = Objection(
            phrase("not seen yet"), phrase("Nobody knows its version of OCPP before it has come once.")
        )
        return Spot(charger, evse_id, session, order, (objection,))
    return Spot(charger, evse_id, session, order, tuple(abilities.wrong_with(charger, profile)))


def preview(
    charger: Charger, evse_id: int, draft: dict[str, Any], *, number: int, at: datetime
) -> tuple[Profile, list[Profile], list[Profile]]:
    """The draft as that charger would get it, what it holds without it, and what it would hold with it."""
    zone = ZoneInfo(charger.site.timezone) if charger.site else ZoneInfo("UTC")
    session = ChargingSession.objects.filter(
        charger=charger, evse_id=evse_id, stopped_at=None, is_superseded=False
    ).first()
    transaction_id = session.transaction_id if session and draft["purpose"] == "tx" else ""
    told = drafts.for_charger(draft, zone=zone, at=at)
    profile = drafts.as_profile(told, number=number, evse_id=evse_id, transaction_id=transaction_id)
    held = [one for one in readback.held_by(charger) if one.profile_id != number]
    return profile, held, [one for one in held if not _is_replaced(one, profile)] + [profile]


def objections(charger: Charger, profile: Profile) -> list[Objection]:
    """What its specification has against a profile there now."""
    return abilities.wrong_with(charger, profile)


def _is_replaced(held: Profile, by: Profile) -> bool:
    same = ("evse_id", "purpose", "stack_level", "transaction_id")
    return all(getattr(held, name) == getattr(by, name) for name in same)


# -- sending -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def push(
    saved: SavedProfile,
    chosen: Sequence[Spot],
    *,
    by: AbstractBaseUser | None,
    via: str = "portal",
    chosen_by: str = "",
    at: datetime,
) -> Job:
    """Order it wherever nothing speaks against it, as one job. Raises ValueError if that is nowhere."""
    ready = [spot for spot in chosen if not spot.objections]
    if not ready:
        why = next(
            (str(objection) for spot in chosen for objection in spot.objections), phrase("No charger was chosen.")
        )
        raise ValueError(NOWHERE_TO_GO.format(why=why))
    orders = [(spot.charger.pk, {"evse_id": spot.evse_id, "profile": spot.profile}) for spot in ready]
    job, ordered = jobs.start_each(
        PROFILE.format(name=saved.name), "set_profile", orders, by=by, via=via, chosen_by=chosen_by
    )
    for spot, command in zip(ready, ordered, strict=True):
        Placement.objects.update_or_create(
            saved=saved, charger=spot.charger, evse_id=spot.evse_id,
            defaults={
                "saved_version": saved.version, "session": spot.session, "number": spot.profile["id"],
                "profile": spot.profile, "state": State.ORDERED, "told": "", "command": command, "reading": None,
                "looked_at": None, "put_back_at": None, "changed_at": at,
            },
        )  # fmt: skip
    return job


@transaction.atomic
def withdraw(saved: SavedProfile, *, by: AbstractBaseUser | None, via: str = "portal", at: datetime) -> Job:
    """Have it cleared wherever it was sent, as one job. Raises ValueError if that is nowhere."""
    there = list(saved.placements.exclude(state__in=[State.WITHDRAWN, State.REFUSED]).select_related("command"))
    if not there:
        raise ValueError(IS_NOWHERE.format(name=saved.name))
    for placement in there:
        if placement.command is not None and placement.command.status == CommandStatus.PENDING:
            commands.cancel(placement.command)
    orders = [(placement.charger_id, {"profile_id": placement.number}) for placement in there]
    job, ordered = jobs.start_each(TAKE_BACK.format(name=saved.name), "clear_profiles", orders, by=by, via=via)
    for placement, command in zip(there, ordered, strict=True):
        placement.state, placement.command, placement.reading = State.WITHDRAWN, command, None
        placement.told, placement.changed_at = phrase("Ordered to be cleared."), at
    Placement.objects.bulk_update(there, ["state", "command", "reading", "told", "changed_at"])
    return job
