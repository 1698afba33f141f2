"""What is wanted of a charger, how it stands to it, and why it differs. Pure: knows no database and no OCPP."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from fnmatch import fnmatchcase

from chargers.behaviour import Plate
from chargers.models import Standing
from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
WRITTEN = phrase("Written {time} by {who}.")
RESET_BY_UPDATE = phrase("Reset by a firmware update, {versions}, {time}.")
CHANGED_THERE = phrase("Changed at the charger since {time}; no order of ours did.")

State = Standing.State
Reason = Standing.Reason
# What a rollout would write.
WRITABLE = frozenset({State.DIFFERS, State.UNREAD})


class Reach(IntEnum):
    """By what a template reaches a charger; the narrower has its way among equals."""

    ALL = 0
    SITE = 1
    TAG = 2
    CHARGER = 3
    SHADOW = 4  # set for this charger alone, elsewhere


@dataclass(frozen=True, slots=True)
class Layer:
    """What one template wants of a charger that it reaches. ``values``: path → value. ``template``: its pk, if any."""

    name: str
    values: Mapping[str, str]
    priority: int = 0
    reach: Reach = Reach.ALL
    template: int | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """One setting that is wanted, by whom, and who was overruled."""

    path: str
    value: str
    layer: Layer
    overruled: tuple[Layer, ...] = ()


def matches(patterns: Plate, plate: Plate) -> bool:
    """Whether a charger's vendor, model and firmware fit; an empty pattern fits everything, case does not matter."""
    return all(
        fnmatchcase(text.casefold(), pattern.strip().casefold())
        for pattern, text in zip(patterns, plate, strict=True)
        if pattern.strip()
    )


def resolve(layers: Iterable[Layer]) -> dict[str, Wish]:
    """What is wanted of a charger, by folded path: the highest layer that speaks of a setting decides it.

    Higher is: what was set elsewhere for this charger alone; then the larger priority; the narrower reach; the name
    that comes first. So the order in which the layers are given does not matter, and a layer more never changes a
    setting that it does not speak of.
    """
    found: dict[str, Wish] = {}
    for layer in sorted(layers, key=_rank):
        for path, value in layer.values.items():
            key = path.casefold()
            if key in found:
                above = found[key]
                found[key] = Wish(above.path, above.value, above.layer, (*above.overruled, layer))
            else:
                found[key] = Wish(path, value, layer)
    return found


def _rank(layer: Layer) -> tuple[bool, int, int, str, int]:
    return (layer.reach != Reach.SHADOW, -layer.priority, -layer.reach, layer.name, layer.template or 0)


@dataclass(frozen=True, slots=True)
class Told:
    """What a charger said of a setting."""

    value: str
    is_known: bool = True
    is_readonly: bool = False
    is_writeonly: bool = False
    needs_reboot: bool = False
    is_sequence: bool = False  # a list whose order means something


@dataclass(frozen=True, slots=True)
class Bars:
    """What keeps a setting from being written, by folded path. ``refused``: the value that it did not take."""

    forbidden: Collection[str] = frozenset()  # names in small letters, as behaviour packs say them
    quarantined: Collection[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)


def stand(wish: Wish, told: Told | None, bars: Bars, *, name: str) -> Standing.State:
    """How a charger stands to what is wanted. ``name``: of the setting, without its component."""
    if told is not None:
        if not told.is_known:
            return State.UNKNOWN
        if not told.is_writeonly and is_same(wish.value, told.value, is_sequence=told.is_sequence):
            return State.REBOOT if told.needs_reboot else State.SAME
        if told.is_readonly or told.is_writeonly:
            return State.READONLY if told.is_readonly else State.WRITEONLY
    return _barred(wish, bars, name) or (State.UNREAD if told is None else State.DIFFERS)


def _barred(wish: Wish, bars: Bars, name: str) -> Standing.State | None:
    key = wish.path.casefold()
    if name.casefold() in bars.forbidden:
        return State.FORBIDDEN
    if key in bars.quarantined:
        return State.QUARANTINED
    return State.REFUSED if bars.refused.get(key) == wish.value else None


def is_same(wanted: str, actual: str, *, is_sequence: bool = False) -> bool:
    """Whether two values mean the same to a charger: spaces, the case of true and false, and zeros do not matter.

    Nor does the order of a list, unless it ``is_sequence``.
    """
    if wanted.strip() == actual.strip():
        return True
    ours, theirs = ([_plain(item) for item in text.split(",")] for text in (wanted, actual))
    return ours == theirs or (not is_sequence and sorted(ours) == sorted(theirs))


def _plain(item: str) -> str:
    text = item.strip()
    if text.casefold() in ("true", "false"):
        return text.casefold()
    # Only what is plainly a number: "1e3" and "0x10" are texts, and so is what does not come back as it was.
    if len(text) <= 30 and text.isascii() and text.lstrip("+-").replace(".", "", 1).isdigit():
        try:
            return format(Decimal(text).normalize() + 0, "f")
        except InvalidOperation:  # "5-" and the like
            return text
    return text


@dataclass(frozen=True, slots=True)
class Order:
    """An order of ours that wrote a setting: when, and by whom in words."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Update:
    """Two boots in a row told different firmwares."""

    at: datetime
    before: str
    after: str


def why_differs(
    *, agreed_at: datetime | None, order: Order | None, update: Update | None
) -> tuple[Standing.Reason, str]:
    """Why a setting is not as wanted, and the same as a sentence.

    ``agreed_at``: it was last as wanted. ``order``: the last of ours that wrote what it has now; ``update``: the last
    of its firmware. What lies before ``agreed_at`` explains nothing.
    """
    if agreed_at is None:
        return Reason.NEVER, phrase("It has not been applied to this charger yet.")
    if order is not None and order.at >= agreed_at:
        return Reason.ORDER, WRITTEN.format(time=_at(order.at), who=order.by)
    if update is not None and update.at >= agreed_at:
        known = f"{update.before or '–'} → {update.after or '–'}"
        return Reason.FIRMWARE, RESET_BY_UPDATE.format(versions=known, time=_at(update.at))
    return Reason.CHARGER, CHANGED_THERE.format(time=_at(agreed_at))


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True, slots=True)
class WrittenAt:
    """Settings that one order wrote, and when it was sent."""

    at: datetime
    paths: tuple[str, ...]


def suspect(
    boots: Collection[datetime], writes: Iterable[WrittenAt], resets: Collection[datetime], *, window_s: float
) -> tuple[WrittenAt, list[datetime]] | None:
    """The write that a boot loop follows, with the boots: three of them within the window after it; None if none.

    A reset of ours explains the next boot after it. Of several writes before the first boot the last one is meant.
    """
    unexplained = sorted(boots)
    for reset in sorted(resets):
        explained = next((boot for boot in unexplained if boot > reset), None)
        if explained is not None:
            unexplained.remove(explained)
    for write in sorted(writes, key=lambda each: each.at, reverse=True):
        after = [boot for boot in unexplained if 0 < (boot - write.at).total_seconds() <= window_s]
        if len(after) >= BOOTS:
            return write, after
    return None


BOOTS = 3
