"""Which chargers have news for their twin in a directory of devices elsewhere. Knows no AWS; see `gateway.iot`.

Nothing on a charger's way in or out waits for this: what is to be told is found by comparing a charger's own moments
with the moment of the last telling, so nothing has to be noted, and nothing is lost while the other side is away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from chargers.desired import due
from chargers.models import Charger, Registration, Setting, Twin

# A process that dies with twins in hand gives them back after that.
LEASE = timedelta(minutes=5)
# Pause after a failure, doubled with each further one.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)


def enrol(name_of: Callable[[str], str], limit: int) -> int:
    """Give chargers that have no twin one, the name by ``name_of``; how many were new.

    One whose name is too long for the other side is passed by: it has no twin.
    """
    without = Charger.objects.filter(twin=None).exclude(registration=Registration.REJECTED).order_by("pk")
    longest = Twin._meta.get_field("thing").max_length or 0
    made = 0
    for charger in without.iterator(chunk_size=500):
        if made == limit:
            break
        if len(name := name_of(charger.identity)) <= longest:
            # The twin of a charger of that name that was deleted and not forgotten yet is this one's now.
            Twin.objects.update_or_create(thing=name, defaults={"charger": charger, "told_at": None, "told": {}})
            made += 1
    return made


def claim(limit: int, *, at: datetime) -> list[Twin]:
    """The twins that have something to be told of, longest due first; ours until `told` or `failed`."""
    said_since = Setting.objects.filter(charger=OuterRef("charger"), reported_at__gt=OuterRef("told_at"))
    has_news = (
        Q(told_at=None)
        | Q(changed_at__gt=F("told_at"))
        | Q(charger__booted_at__gt=F("told_at"))
        | Q(charger__connected_at__gt=F("told_at"))
        | Q(charger__disconnected_at__gt=F("told_at"))
        | (Q(desired_version__gt=0) & Exists(said_since))
    )
    # Who was retired has no Thing, and keeps none.
    wanted = Q(charger=None) | (has_news & ~Q(charger__registration=Registration.REJECTED))
    due = Twin.objects.filter(wanted, due_at__lte=at).select_related("charger__site").order_by("due_at", "pk")
    return [twin for twin in due[:limit] if _take(twin, at)]


def told(twin: Twin, *, at: datetime) -> None:
    """All that had happened until ``at`` has been told; ``twin`` has ``told``, ``is_there`` and ``thing_id`` of now."""
    Twin.objects.filter(pk=twin.pk).update(
        told_at=at, due_at=at, failures=0, problem=twin.problem, **_as_it_is_there(twin)
    )


def failed(twin: Twin, problem: str, *, at: datetime) -> None:
    """Try again later; what was said before the failure is kept."""
    pause = min(FIRST_PAUSE * 2 ** min(twin.failures, 20), LONGEST_PAUSE)
    Twin.objects.filter(pk=twin.pk).update(
        due_at=at + pause, failures=F("failures") + 1, problem=problem[:500], **_as_it_is_there(twin)
    )


def put_back(twin: Twin, *, at: datetime) -> None:
    """Not tried after all: somebody else may, at once."""
    Twin.objects.filter(pk=twin.pk).update(due_at=at)


def doubt(things: Collection[str], *, at: datetime) -> None:
    """These are not there, or not as we believe: everything is to be told anew, and now."""
    Twin.objects.filter(thing__in=things).update(told={}, told_at=None, is_there=False, desired_version=0, due_at=at)


def look_again(*, at: datetime) -> None:
    """What the other side wants may have changed unheard, of those of which anything was ever wanted."""
    wanted = Twin.objects.exclude(charger=None).exclude(desired={}, shown={})
    wanted.update(desired_version=0, changed_at=at, due_at=at)


def is_of(twin: Twin, thing_id: str) -> bool:
    """Whether ``thing_id`` is of what stands there for this twin now, not of one that was there before under its name.

    News come twice, late and in any order. Without an id (it was made before we kept them) it is, if there is one.
    """
    return thing_id == twin.thing_id if thing_id and twin.thing_id else twin.is_there


def is_made(twin: Twin, thing_id: str, *, at: datetime) -> None:
    """The other side has made what this twin stands for, at ``at`` by its clock; unless that is old news."""
    if twin.charger is not None and at >= max(twin.told_at or at, twin.charger.created_at):
        Twin.objects.filter(pk=twin.pk).update(thing_id=thing_id, is_there=True)


def let_go(twin: Twin) -> None:
    """We are about to remove it there: news of that are no news, whoever has its name by then."""
    Twin.objects.filter(pk=twin.pk).update(is_there=False, thing_id="")


def adopt(charger: Charger, thing: str, thing_id: str) -> None:
    """The other side has made ``thing``, and the charger is new here. One that was deleted may have left its twin."""
    new: dict[str, Any] = {"charger": charger, "is_there": True, "thing_id": thing_id, "told": {}, "told_at": None}
    Twin.objects.update_or_create(thing=thing, defaults=new)


def vanished(twin: Twin, *, at: datetime | None) -> None:
    """The other side has forgotten it, and all that it wanted of it; ``at``: by its clock.

    All is to be told anew, should it ever be wanted there again; that it was there once is not forgotten, but for
    ``at`` None.
    """
    nothing: dict[str, Any] = {"is_there": False, "thing_id": "", "told": {}}
    nothing |= {"desired": {}, "shown": {}, "desired_version": 0}
    moments = {"told_at": at} | ({"changed_at": at + timedelta(microseconds=1)} if at else {})
    Twin.objects.filter(pk=twin.pk).update(**moments, **nothing)


def has_vanished_before(twin: Twin, at: datetime) -> bool:
    """Whether the other side had it, and had forgotten it by then."""
    return not twin.is_there and twin.told_at is not None and twin.told_at < at


def forgotten(twin: Twin) -> None:
    """The other side has forgotten a charger that is no more; a new one of its name has its twin, and is due."""
    gone, _ = Twin.objects.filter(pk=twin.pk, charger=None).delete()
    if not gone:
        put_back(twin, at=twin.due_at)


def touch(charger_ids: Collection[int], *, at: datetime) -> None:
    """Something of these chargers has changed that their own moments do not show: name, site, settings."""
    Twin.objects.filter(charger__in=charger_ids).update(changed_at=at)


def locked(thing: str) -> Twin | None:
    """The twin of that name with its charger, for as long as this transaction lasts; None if there is none."""
    return Twin.objects.select_for_update(of=("self",)).select_related("charger").filter(thing=thing).first()


def heard(twin: Twin, *, desired: dict[str, str], shown: dict[str, Any], version: int, at: datetime) -> None:
    """The other side wants ``desired``, and both sides together ``shown``. The twin is `locked`."""
    Twin.objects.filter(pk=twin.pk).update(desired=desired, shown=shown, desired_version=version, changed_at=at)
    if twin.charger_id:
        due.note({twin.charger_id})


def shown(twin: Twin) -> None:
    """We have written what is wanted: ``twin`` has ``shown`` and ``desired_version``. Something later is not undone."""
    row = Twin.objects.filter(pk=twin.pk, desired_version__lt=twin.desired_version)
    row.update(shown=twin.shown, desired_version=twin.desired_version)


@transaction.atomic
def renounce(charger: Charger, path: str, *, at: datetime) -> bool:
    """A person here no longer wants what the other side wanted; False if it wants no such thing."""
    twin = Twin.objects.select_for_update().filter(charger=charger).first()
    if twin is None:
        return False
    desired = {name: value for name, value in twin.desired.items() if name.casefold() != path.casefold()}
    if desired == twin.desired:
        return False
    Twin.objects.filter(pk=twin.pk).update(desired=desired, changed_at=at)
    due.note({charger.pk})
    return True


def _as_it_is_there(twin: Twin) -> dict[str, Any]:
    return {"told": twin.told, "is_there": twin.is_there, "thing_id": twin.thing_id}


def _take(twin: Twin, at: datetime) -> bool:
    return Twin.objects.filter(pk=twin.pk, due_at=twin.due_at).update(due_at=at + LEASE) == 1
