"""What people do with a campaign: start it, hold it, go on, try the failed again, end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet

from chargers import commands
from chargers.campaigns import rings
from chargers.campaigns.running import announce
from chargers.models import Campaign, Charger, CommandStatus, FirmwareImage, Participant
from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
NOT_NOW = phrase("This campaign is {status}.")

State = Participant.State
UNDER_WAY = (Campaign.Status.RUNNING, Campaign.Status.PAUSED, Campaign.Status.HALTED)


class NotNow(ValueError):
    """The campaign is not in a state for this; the text says in which it is."""


@transaction.atomic
def start(
    image: FirmwareImage,
    chargers: Sequence[Charger],
    *,
    title: str,
    ring_sizes: str = rings.DEFAULT,
    by: AbstractBaseUser | None,
    at: datetime,
    **rules: Any,
) -> Campaign:
    """Begin; the first chargers go with the next look. ``rules``: columns of `Campaign`.

    Raises ValueError for nobody, and for rings that make no sense.
    """
    if not chargers:
        raise ValueError(phrase("No charger was chosen; a campaign needs one at least."))
    sizes = rings.sizes(ring_sizes, len(chargers))
    campaign = Campaign.objects.create(title=title[:120], image=image, created_by=by, created_at=at, **rules)  # type: ignore[misc]
    numbers = [number for number, size in enumerate(sizes, start=1) for _ in range(size)]
    Participant.objects.bulk_create(
        [
            Participant(campaign=campaign, charger=charger, ring=number, why=phrase("The campaign has just begun."))
            for charger, number in zip(_shuffled(chargers), numbers, strict=True)
        ],
        batch_size=1000,
    )
    announce(campaign)
    return campaign


def shuffle_key(identity_folded: str) -> bytes:
    """Sorted by it, chargers of one site, which are often numbered in a row, do not stand together."""
    return blake2b(identity_folded.encode(), digest_size=8).digest()


def _shuffled(chargers: Sequence[Charger]) -> list[Charger]:
    """Those online first, for a canary must sing; the same each time."""
    return sorted(chargers, key=lambda charger: (not charger.is_online, shuffle_key(charger.identity_folded)))


@transaction.atomic
def pause(campaign: Campaign) -> None:
    """Nobody new begins; who is at work goes on. Raises NotNow."""
    _change(campaign, (Campaign.Status.RUNNING,), Campaign.Status.PAUSED)
    _waiting(campaign).update(why=phrase("The campaign is paused."))


@transaction.atomic
def resume(campaign: Campaign) -> None:
    """Go on; the failures until now are excused, new ones count. Raises NotNow."""
    _change(campaign, (Campaign.Status.PAUSED, Campaign.Status.HALTED), Campaign.Status.RUNNING)
    campaign.participants.filter(state=State.FAILED).update(is_excused=True)


@transaction.atomic
def retry(campaign: Campaign) -> int:
    """Let those that failed try once more, in their rings; how many. Raises NotNow."""
    failed = campaign.participants.filter(state=State.FAILED)
    if not failed.exists():
        raise NotNow(phrase("Nothing has failed."))
    _change(campaign, (*UNDER_WAY, Campaign.Status.DONE), Campaign.Status.RUNNING)
    again = {"command": None, "ordered_at": None, "booted_at": None, "settled_at": None}
    return failed.update(state=State.WAITING, why=phrase("To be tried once more."), is_excused=False, **again)


@transaction.atomic
def cancel(campaign: Campaign, *, at: datetime) -> int:
    """End it; how many will not update. What chargers have begun cannot be called back. Raises NotNow."""
    _change(campaign, UNDER_WAY, Campaign.Status.CANCELLED, settled_at=at)
    withdrawn = _waiting(campaign).update(
        state=State.CANCELLED, why=phrase("The campaign was cancelled."), settled_at=at
    )
    unsent = campaign.participants.filter(state=State.UPDATING, command__status=CommandStatus.PENDING)
    for part in unsent.select_related("command"):
        if part.command and commands.cancel(part.command):
            Participant.objects.filter(pk=part.pk).update(
                state=State.CANCELLED, why=phrase("The campaign was cancelled; nothing was sent."), settled_at=at
            )
            withdrawn += 1
    return withdrawn


def _waiting(campaign: Campaign) -> QuerySet[Participant]:
    return campaign.participants.filter(state=State.WAITING)


def _change(campaign: Campaign, before: Sequence[Campaign.Status], after: Campaign.Status, **columns: Any) -> None:
    values = {"status": after, "explanation": "", "settled_at": None, **columns}
    if not Campaign.objects.filter(pk=campaign.pk, status__in=before).update(**values):
        campaign.refresh_from_db(fields=["status"])
        raise NotNow(NOT_NOW.format(status=campaign.status))
    for name, value in values.items():
        setattr(campaign, name, value)
    announce(campaign)
