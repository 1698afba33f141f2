"""One look at a campaign: what became of those that update, who goes next. A transaction, and safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction

from chargers import commands, images
from chargers.campaigns import planning, progress, windows
from chargers.campaigns.progress import Eyes
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


@transaction.atomic
def advance(campaign_id: int, eyes: Eyes, *, at: datetime) -> None:
    campaign = Campaign.objects.select_for_update(of=("self",)).select_related("image").get(pk=campaign_id)
    parts = list(campaign.participants.select_related("charger__site", "command"))
    before = {part.pk: _face(part) for part in parts}
    seen = progress.signs(parts, eyes)
    for part in parts:
        progress.settle(part, campaign, seen, at)
    status = campaign.status
    if campaign.status == Campaign.Status.RUNNING:
        _go_on(campaign, parts, eyes, at)
    changed = [part for part in parts if _face(part) != before[part.pk]]
    Participant.objects.bulk_update(changed, COLUMNS, batch_size=200)
    if campaign.status != status:
        campaign.save(update_fields=["status", "explanation", "settled_at"])
    if changed or campaign.status != status:
        announce(campaign)


def _face(part: Participant) -> tuple[object, ...]:
    return part.state, part.why, part.command_id, part.booted_at, part.settled_at


def _go_on(campaign: Campaign, parts: Sequence[Participant], eyes: Eyes, at: datetime) -> None:
    waiting = [part for part in parts if part.state == State.WAITING]
    for part in waiting:
        if part.charger.firmware_version == campaign.image.version:
            part.state, part.why, part.settled_at = State.SKIPPED, phrase("It runs it already."), at
    hindrances = _hindrances(campaign, [part for part in waiting if part.state == State.WAITING], eyes, at)
    places = [
        planning.Place(
            part.pk, part.ring, part.state, part.charger.site_id, hindrances.get(part.pk, ""), part.is_excused
        )
        for part in parts
    ]
    limits = planning.Limits(
        planning.smaller(campaign.most_at_once, planning.by_bandwidth(campaign.bytes_per_s, campaign.image.size_bytes)),
        campaign.most_per_site,
        campaign.halt_percent,
    )
    plan = planning.plan(places, limits)
    for part in parts:
        part.why = plan.why.get(part.pk, part.why)
    if plan.halt:
        campaign.status, campaign.explanation = Campaign.Status.HALTED, plan.halt
    elif plan.ring is None:
        campaign.status, campaign.settled_at = Campaign.Status.DONE, at
    chosen = set(plan.start)
    _order(campaign, [part for part in parts if part.pk in chosen], at)


def _hindrances(campaign: Campaign, parts: Sequence[Participant], eyes: Eyes, at: datetime) -> dict[int, str]:
    """Why chargers cannot go now, whatever the others do."""
    ids = {part.charger_id for part in parts}
    busy = eyes.busy(ids) if campaign.only_idle and ids else set()
    elsewhere = set(
        Participant.objects.filter(charger__in=ids, state__in=(State.UPDATING, State.SOAKING))
        .exclude(campaign=campaign)
        .values_list("charger", flat=True)
    )
    found: dict[int, str] = {}
    for part in parts:
        charger = part.charger
        if not charger.is_online:
            found[part.pk] = phrase("It is offline.")
        elif not charger.is_booted:
            found[part.pk] = phrase("It has not been let in: its boot was not accepted.")
        elif charger.pk in elsewhere:
            found[part.pk] = phrase("Another campaign is at work on it.")
        elif charger.pk in busy:
            found[part.pk] = phrase("A session runs at it.")
        elif opening := _opening(campaign, part, at):
            found[part.pk] = opening
    return found


def _opening(campaign: Campaign, part: Participant, at: datetime) -> str:
    name = part.charger.site.timezone if part.charger.site else "UTC"
    zone = ZoneInfo(name)
    opens_at = windows.opens_at(at, zone, campaign.window_from, campaign.window_until)
    return WINDOW_OPENS.format(time=opens_at.astimezone(zone), zone=name) if opens_at else ""


def _order(campaign: Campaign, parts: Iterable[Participant], at: datetime) -> None:
    arguments = images.arguments(campaign.image, at=at, base_url=campaign.base_url)
    for part in parts:
        part.command = commands.request(
            part.charger,
            "update_firmware",
            arguments=arguments,
            by=campaign.created_by,
            via=f"campaign {campaign.pk}",
            ttl_s=ORDER_TTL_S,
        )
        part.state, part.why = State.UPDATING, phrase("Updating: the order is on its way.")
        part.ordered_at, part.booted_at, part.settled_at = at, None, None
        part.from_version = part.charger.firmware_version
        part.attempts += 1


def announce(campaign: Campaign) -> None:
    pk = campaign.pk
    transaction.on_commit(lambda: campaign_changed.send_robust(sender=Campaign, campaign_ids={pk}))
