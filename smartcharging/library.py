"""Named charging profiles: kept, sent to many places as a job, and read back from each.

*Accepted* is a charger's word. So each place is asked for its composite schedule afterwards, and after each boot again:
a profile that is gone is ordered once more, once, and the place says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from chargers import commands, jobs
from chargers.models import Charger, Command, CommandStatus, Connector, Job
from chargers.sentences import in_english, phrase
from chargers.signals import command_changed
from sessions.models import ChargingSession
from smartcharging import abilities, drafts, readback
from smartcharging.models import CompositeReport, InstalledProfile, Placement, SavedProfile
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
READING_TTL_S = 3600

# Told to people, see chargers/sentences.py.
NOWHERE_TO_GO = phrase("It cannot go anywhere: {why}")
IS_NOWHERE = phrase("{name} is nowhere; there is nothing to take back.")
TAKE_BACK = phrase("Take back {name}")
ANSWERED = phrase("The charger answered {status}.")
GAVE_REASON = phrase("The charger answered {status}, {reason}.")
PUT_BACK = phrase("Lost by the boot before {time:%Y-%m-%d %H:%M} UTC and put back.")
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
    job, ordered = jobs.start_each(f"Profile {saved.name}", "set_profile", orders, by=by, via=via, chosen_by=chosen_by)
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


# -- reading back ------------------------------------------------------------------------------------------------------

_FIELDS = ("state", "told", "command", "reading", "looked_at", "put_back_at", "changed_at")


@transaction.atomic
def advance(*, at: datetime, most: int = 500) -> int:
    """Go on wherever an order or a look at the composite was answered, or a charger has booted; how many moved."""
    moved = [placement for placement in _waiting(most) if _step(placement, at)]
    for placement in moved:
        placement.changed_at = at
    Placement.objects.bulk_update(moved, _FIELDS)
    told = {placement.command_id for placement in moved if placement.command_id}
    if told:
        chargers = {placement.charger_id for placement in moved}
        transaction.on_commit(
            lambda: command_changed.send_robust(sender=Command, command_ids=told, charger_ids=chargers)
        )
    return len(moved)


def _waiting(most: int) -> list[Placement]:
    is_answered = Q(state=State.ORDERED) & ~Q(command__status__in=CommandStatus.open())
    is_read = Q(state=State.TAKEN) & ~Q(reading__status__in=CommandStatus.open())
    is_over = Q(state__in=[State.ORDERED, State.TAKEN, State.HELD, State.DIFFERS]) & (
        Q(session__stopped_at__isnull=False) | Q(session__is_superseded=True)
    )
    has_booted = Q(
        state__in=[State.HELD, State.DIFFERS], charger__is_online=True, charger__is_booted=True,
        charger__booted_at__gt=F("looked_at"),
    )  # fmt: skip
    # Refused, and ordered once more by somebody: by a retry of the job, or by hand.
    later = InstalledProfile.objects.filter(
        charger=OuterRef("charger"), profile_id=OuterRef("number"), installed_at__gt=OuterRef("changed_at")
    )
    is_taken_after_all = Q(state=State.REFUSED) & Exists(later)
    rows = Placement.objects.filter(is_answered | is_read | is_over | has_booted | is_taken_after_all)
    return list(rows.select_related("charger", "command", "reading", "session").order_by("changed_at")[:most])


def _step(placement: Placement, at: datetime) -> bool:
    if placement.session is not None and not placement.session.is_open:
        placement.state, placement.told = State.WITHDRAWN, phrase("Its session is over, and the profile went with it.")
    elif placement.state == State.ORDERED:
        _ordered(placement)
    elif placement.state == State.TAKEN:
        _read(placement, at)
    else:  # it has booted, or took it after all
        _look(placement)
    return True


def _ordered(placement: Placement) -> None:
    command = placement.command
    # Without an answer nobody knows; to look is better than to guess.
    if command is not None and command.status in (CommandStatus.ACCEPTED, CommandStatus.TIMEOUT):
        _look(placement)
        return
    why = command.explanation or _said(command) if command is not None else ""
    placement.state, placement.told = State.REFUSED, (why or phrase("The charger did not take it."))[:500]


def _said(command: Command) -> str:
    answer = command.answer if isinstance(command.answer, dict) else {}
    reason = (answer.get("statusInfo") or {}).get("reasonCode", "")
    status = answer.get("status") or in_english(command.get_status_display())
    return GAVE_REASON.format(status=status, reason=reason) if reason else ANSWERED.format(status=status)


def _look(placement: Placement) -> None:
    placement.state = State.TAKEN
    placement.reading = commands.request(
        placement.charger,
        "composite_schedule",
        arguments={
            "evse_id": placement.evse_id,
            "duration_s": readback.SPAN_S,
            "unit": placement.profile.get("unit", "A"),
        },
        via="library, read back",
        ttl_s=READING_TTL_S,
    )


def _read(placement: Placement, at: datetime) -> None:
    report = CompositeReport.objects.filter(command=placement.reading).select_related("charger").first()
    first_look = placement.looked_at is None
    if report is None or report.schedule is None:
        if placement.reading is not None and placement.reading.status in (
            CommandStatus.EXPIRED,
            CommandStatus.CANCELLED,
        ):
            _look(placement)  # it was away; ask again
            return
        placement.looked_at = at
        _close(placement, State.HELD, phrase("Accepted; it does not say what it may draw, so nobody has seen it."), at)
        return
    verdict = readback.verdict(report)
    is_known = InstalledProfile.objects.filter(charger=placement.charger, profile_id=placement.number).exists()
    placement.looked_at = at
    if not is_known:
        _close(placement, State.DIFFERS, phrase("Another profile has taken its place at that charger."), at)
    elif verdict.is_same and placement.number in verdict.shows:
        _close(placement, State.HELD, _again(placement, phrase("Its composite schedule shows it.")), at)
    elif placement.number not in verdict.shows:
        _close(
            placement, State.HELD, phrase("Accepted; for the next 24 h something else binds, so it does not show."), at
        )
    elif not first_look and _may_put_back(placement):
        _put_back(placement, at)
    else:
        _close(placement, State.DIFFERS, verdict.difference, at)


def _again(placement: Placement, sentence: str) -> str:
    if placement.put_back_at is None:
        return sentence
    return PUT_BACK.format(time=placement.put_back_at) + " " + sentence


def _may_put_back(placement: Placement) -> bool:
    """Once for each boot; what does not hold then needs a person."""
    booted_at = placement.charger.booted_at
    return booted_at is not None and (placement.put_back_at is None or placement.put_back_at < booted_at)


def _put_back(placement: Placement, at: datetime) -> None:
    placement.state, placement.put_back_at, placement.reading = State.ORDERED, at, None
    placement.told = phrase("Gone after its boot; ordered once more.")
    placement.command = commands.request(
        placement.charger,
        "set_profile",
        arguments={"evse_id": placement.evse_id, "profile": placement.profile},
        via="library, put back",
    )


def _close(placement: Placement, state: State, told: str, at: datetime) -> None:
    placement.state, placement.told = state, told[:500]
    effect = Command.Effect.NOT_SEEN if state == State.DIFFERS else Command.Effect.SEEN
    if placement.command is not None and (state == State.DIFFERS or told.endswith("shows it.")):
        Command.objects.filter(pk=placement.command.pk).update(effect=effect, effect_at=at, effect_text=told[:160])
