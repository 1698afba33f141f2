"""Orders that are long over, and how they are forgotten: campaigns, rollouts, commands, jobs, in this order.

A command stays for as long as any row refers to it: how a setting came to be as it is, what a charger holds by our
order, what an issue did by itself. So those rows are forgotten first, each by its own rule, and what they held goes
with the next night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import SET_NULL, Exists, ForeignObjectRel, OuterRef, Q, QuerySet

from chargers.models import Campaign, Command, CommandStatus, Job, Participant, Rollout, Write
from chargers.models.desired import OPEN

UNDER_WAY = (Participant.State.UPDATING, Participant.State.SOAKING)
# Nobody knows whether the charger holds it: each plan of its site asks.
IN_DOUBT = Q(status=CommandStatus.TIMEOUT, verb="set_profile")

# What a charger holds as its list is what the last one says.
LOCAL_LIST = Q(status=CommandStatus.ACCEPTED, verb="send_local_list")


def steps(before: datetime, *, portion: int) -> Iterator[Callable[[], int]]:
    """Steps that each delete a portion of what was over before that moment, and say how many rows that were."""
    if not portion:
        return
    campaigns = Campaign.objects.filter(settled_at__lt=before, status__in=("done", "cancelled")).exclude(
        Exists(Participant.objects.filter(campaign=OuterRef("pk"), state__in=UNDER_WAY))
    )
    rollouts = Rollout.objects.filter(settled_at__lt=before, status__in=("done", "cancelled")).exclude(
        Exists(Write.objects.filter(rollout=OuterRef("pk"), status__in=OPEN))
    )
    yield lambda: _delete(Participant.objects.filter(campaign__in=campaigns).order_by("pk"), portion)
    yield lambda: _delete(campaigns.filter(participants=None).order_by("pk"), portion)
    yield lambda: _delete(Write.objects.filter(rollout__in=rollouts).order_by("pk"), portion)
    yield lambda: _delete(rollouts.filter(writes=None).order_by("pk"), portion)
    yield lambda: _delete(_idle_commands(before), portion)
    yield lambda: _delete(Job.objects.filter(created_at__lt=before, commands=None).order_by("pk"), portion)


def _idle_commands(before: datetime) -> QuerySet[Command]:
    newer = Command.objects.filter(LOCAL_LIST, charger=OuterRef("charger"), created_at__gt=OuterRef("created_at"))
    found = Command.objects.filter(created_at__lt=before).exclude(status__in=CommandStatus.open()).exclude(IN_DOUBT)
    found = found.exclude(LOCAL_LIST & ~Exists(newer))
    for relation in Command._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and relation.on_delete is SET_NULL:
            found = found.exclude(Exists(_holding(relation)))
    return found.order_by("created_at")


def _holding(relation: ForeignObjectRel) -> QuerySet[Any]:
    return relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")}).order_by()


def _delete(rows: QuerySet[Any], portion: int) -> int:
    pks = list(rows.values_list("pk", flat=True)[:portion])
    rows.model._default_manager.filter(pk__in=pks).delete()
    return len(pks)
