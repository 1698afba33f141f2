"""One look at a campaign: what became of those that update, who goes next. A transaction, and safe to repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from chargers import commands, images, rows
from chargers.campaigns import planning, progress, windows
from chargers.campaigns.progress import Eyes
from chargers.commands import Wish
from chargers.models import Campaign, Participant
from chargers.sentences import phrase
from chargers.signals import campaign_changed

# Told to people, see chargers/sentences.py.
WINDOW_OPENS = phrase("The window opens at {time:%H:%M} ({zone}).")

State = Participant.State
ORDER_TTL_S = 600  # an order that finds its charger gone must not surprise it tomorrow, outside the window
COLUMNS = ("state", "why", "command", "attempts", "from_version", "ordered_at", "booted_at", "settled_at")

log = structlog.get_logger(__name__)


def advance_all(eyes: Eyes, *, at: datetime) -> None:
    """Move on whatever is not over; one that fails does not keep the others."""
    for pk in Campaign.objects.exclude(status__in=("done", "cancelled")).values_list("pk", flat=True):
        try:
            advance(pk, eyes, at=at)
        except Exception:
            log.exception("campaign_failed", campaign=pk)
    # What was under way when a campaign was cancelled still comes to its end.
    left = Participant.objects.filter(campaign__status="cancelled", state__in=(State.UPDATING, State.SOAKING))
    for pk in set(left.values_list("campaign", flat=True)):
        advance(pk, eyes, at=at)


class Seat(NamedTuple):
    """What a look needs of each charger's part: of a fleet of thousands no models are made, at each look."""

    pk: int
    ring: int
    state: str
    why: str
    is_excused: bool
    charger_id: int
    site_id: int | None
    zone: str | None
    firmware_version: str
    is_online: bool
    is_booted: bool


@transaction.atomic
def advance(campaign_id: int, eyes: Eyes, *, at: datetime) -> None:
    campaign = Campaign.objects.select_for_update(of=("self",)).select_related("image").get(pk=campaign_id)
    watched = _watched(campaign)
    parts = {part.pk: part for part in watched.select_related("charger", "command")}
    before = {pk: _face(part) for pk, part in parts.items()}
    seen = progress.signs(list(parts.values()), watched.order_by().values_list("charger", flat=True), eyes)
    for part in parts.values():
        progress.settle(part, campaign, seen, at)
    status = campaign.status
    whys = _go_on(campaign, parts, eyes, at) if campaign.status == Campaign.Status.RUNNING else []
    changed = [part for pk, part in parts.items() if _face(part) != before.get(pk)]
    rows.rewrite(changed, COLUMNS)
    rows.rewrite(whys, ("why",))
    if campaign.status != status:
        campaign.save(update_fields=["status", "explanation", "settled_at"])
    if changed or whys or campaign.status != status:
        announce(campaign)


def _watched(campaign: Campaign) -> QuerySet[Participant]:
    """Those of which something is yet to come: who was given up may boot with it late."""
    at_work = Q(state__in=(State.UPDATING, State.SOAKING)) | Q(state=State.FAILED, booted_at=None)
    return campaign.participants.filter(at_work)


def _face(part: Participant) -> tuple[object, ...]:
    return part.state, part.why, part.command_id, part.booted_at, part.settled_at


def _go_on(campaign: Campaign, parts: dict[int, Participant], eyes: Eyes, at: datetime) -> list[Participant]:
    """Choose who goes next, and order it; adds them to ``parts``. Answers with those of the others that wait whose
    reason is another now."""
    seats = [
        seat._replace(state=part.state, why=part.why) if (part := parts.get(seat.pk)) else seat
        for seat in _seats(campaign)
    ]
    waiting = [seat for seat in seats if seat.state == State.WAITING]
    have_it = {seat.pk for seat in waiting if seat.firmware_version == campaign.image.version}
    hindrances = _hindrances(campaign, [seat for seat in waiting if seat.pk not in have_it], eyes, at)
    plan = planning.plan(
        [
            planning.Place(
                seat.pk,
                seat.ring,
                State.SKIPPED if seat.pk in have_it else seat.state,
                seat.site_id,
                hindrances.get(seat.pk, ""),
                seat.is_excused,
            )
            for seat in seats
        ],
        _limits(campaign),
    )
    if plan.halt:
        campaign.status, campaign.explanation = Campaign.Status.HALTED, plan.halt
    elif plan.ring is None:
        campaign.status, campaign.settled_at = Campaign.Status.DONE, at
    moved = campaign.participants.filter(pk__in=[*have_it, *plan.start]).select_related("charger")
    parts |= {part.pk: part for part in moved if part.pk not in parts}
    for pk in have_it:
        parts[pk].state, parts[pk].why, parts[pk].settled_at = State.SKIPPED, phrase("It runs it already."), at
    _order(campaign, [parts[pk] for pk in plan.start], at)
    whys = []
    for seat in waiting:
        if (why := plan.why.get(seat.pk)) is None:
            continue
        if seat.pk in parts:
            parts[seat.pk].why = why
        elif why != seat.why:
            whys.append(rows.stored(Participant, {"id": seat.pk, "why": why}))
    return whys


def _limits(campaign: Campaign) -> planning.Limits:
    at_once = planning.by_bandwidth(campaign.bytes_per_s, campaign.image.size_bytes)
    return planning.Limits(
        planning.smaller(campaign.most_at_once, at_once), campaign.most_per_site, campaign.halt_percent
    )


def _seats(campaign: Campaign) -> Iterator[Seat]:
    told = campaign.participants.values_list(
        "pk", "ring", "state", "why", "is_excused", "charger", "charger__site", "charger__site__timezone",
        "charger__firmware_version", "charger__is_online", "charger__is_booted",
    )  # fmt: skip
    return map(Seat._make, told)


def _hindrances(campaign: Campaign, seats: Sequence[Seat], eyes: Eyes, at: datetime) -> dict[int, str]:
    """Why chargers cannot go now, whatever the others do."""
    busy = eyes.busy({seat.charger_id for seat in seats}) if campaign.only_idle and seats else set()
    others = Participant.objects.filter(state__in=(State.UPDATING, State.SOAKING)).exclude(campaign=campaign)
    elsewhere = set(others.values_list("charger", flat=True)) if seats else set()
    openings = {zone: _opening(campaign, zone or "UTC", at) for zone in {seat.zone for seat in seats}}
    found: dict[int, str] = {}
    for seat in seats:
        if not seat.is_online:
            found[seat.pk] = phrase("It is offline.")
        elif not seat.is_booted:
            found[seat.pk] = phrase("It has not been let in: its boot was not accepted.")
        elif seat.charger_id in elsewhere:
            found[seat.pk] = phrase("Another campaign is at work on it.")
        elif seat.charger_id in busy:
            found[seat.pk] = phrase("A session runs at it.")
        elif opening := openings[seat.zone]:
            found[seat.pk] = opening
    return found


def _opening(campaign: Campaign, name: str, at: datetime) -> str:
    """When the window opens there; "" while it is open."""
    zone = ZoneInfo(name)
    opens_at = windows.opens_at(at, zone, campaign.window_from, campaign.window_until)
    return WINDOW_OPENS.format(time=opens_at.astimezone(zone), zone=name) if opens_at else ""


def _order(campaign: Campaign, parts: Sequence[Participant], at: datetime) -> None:
    arguments = images.arguments(campaign.image, at=at, base_url=campaign.base_url)
    via = f"campaign {campaign.pk}"
    wishes = [Wish(part.charger_id, "update_firmware", arguments, via, campaign.created_by_id) for part in parts]
    for part, command in zip(parts, commands.request_each(wishes, ttl_s=ORDER_TTL_S), strict=True):
        part.command = command
        part.state, part.why = State.UPDATING, phrase("Updating: the order is on its way.")
        part.ordered_at, part.booted_at, part.settled_at = at, None, None
        part.from_version = part.charger.firmware_version
        part.attempts += 1


def announce(campaign: Campaign) -> None:
    pk = campaign.pk
    transaction.on_commit(lambda: campaign_changed.send_robust(sender=Campaign, campaign_ids={pk}))
