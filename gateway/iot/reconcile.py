"""Brings chargers and Things together when they have grown apart: what was done while nobody listened.

Nobody is retired here: a Thing that is missing is made again. To retire chargers because a list from AWS is short would
mean to retire them all when the region is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from chargers import twins
from chargers.models import Charger, Registration, Twin
from gateway import topics
from gateway.iot import documents, news, teller, things


@dataclass(slots=True)
class Difference:
    """``to_create``, ``to_update``: chargers; ``to_adopt``: Things without one; ``to_remove``: of deleted chargers."""

    to_create: list[str] = field(default_factory=list)
    to_update: list[str] = field(default_factory=list)
    to_adopt: list[str] = field(default_factory=list)
    to_remove: list[str] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)  # Things whose name is nobody's identity

    def counts(self) -> dict[str, int]:
        names = ("to_create", "to_update", "to_adopt", "to_remove", "nameless")
        return {name: len(getattr(self, name)) for name in names}


def difference(after_page: Callable[[int], Any] = lambda count: None) -> Difference:
    """What is there and what should be; ``after_page``: told of the Things read so far. Raises Away or Refused."""
    there: dict[str, dict[str, str]] = {}
    for thing in things.everyone():
        there[thing.name] = thing.attributes
        if len(there) % 250 == 0:
            after_page(len(there))
    found = Difference()
    ours = set()
    admitted = Charger.objects.exclude(registration=Registration.REJECTED).select_related("site", "twin")
    for charger in admitted.iterator(1000):
        name = _name(charger)
        ours.add(name)
        if name not in there:
            found.to_create.append(name)
        elif any(there[name].get(key, "") != value for key, value in documents.attributes(charger).items()):
            found.to_update.append(name)
    retired = Charger.objects.filter(registration=Registration.REJECTED).select_related("twin")
    ours |= {_name(charger) for charger in retired.iterator(1000)}
    gone = set(Twin.objects.filter(charger=None).values_list("thing", flat=True))
    for name in sorted(there.keys() - ours):
        if name in gone:
            found.to_remove.append(name)
        else:
            (found.to_adopt if topics.identity_of_thing(name) else found.nameless).append(name)
    return found


def _name(charger: Charger) -> str:
    """Of its Thing: the one that it has, which may be of before the yard had its `MQTT_PREFIX`."""
    twin = getattr(charger, "twin", None)
    return twin.thing if twin else topics.thing(charger.identity)


def apply(found: Difference, after_each: Callable[[], None] = lambda: None) -> int:
    """Make it so; how many chargers were told. What AWS does not take is tried again later by the workers."""
    for name in found.to_adopt:
        news.appeared(name)
    doubted = [*found.to_create, *found.to_update]
    for start in range(0, len(doubted), 500):
        names = doubted[start : start + 500]
        twins.doubt(names, at=timezone.now())
    twins.look_again(at=timezone.now())
    told = 0
    while count := teller.tell(after_each=after_each):
        told += count
    return told
