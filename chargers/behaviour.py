"""Behaviour packs: what a vendor's model is known to do differently, as files that say so (`chargers/packs/*.toml`).

A pack holds where its file's patterns match vendor, model and firmware, or where staff say so; staff may also switch it
off for a model. Knows which quirks there are; `gateway.behaviour` puts frames right by them.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser

from chargers.models import Charger, PackUse, Site

FOLDER = Path(__file__).with_name("packs")
FRESH_S = 15.0  # a decision of staff reaches each worker so soon


@dataclass(frozen=True, slots=True)
class Quirks:
    """All that a pack can say. The defaults are what the specification means."""

    energy_factor: float = 1.0  # times energies of meter values that say Wh
    register_factor: float = 1.0  # times meterStart and meterStop
    ignore_meter_start: bool = False  # it is always 0; the first reading of the session tells the register
    zone: str = ""  # of times without one: an IANA name, or "site"
    z_is_local: bool = False  # "Z" is written behind local time
    profile_kind: str = ""  # Absolute | Relative: the only one it takes
    stack_level: int | None = None  # the only one it takes
    never_write: frozenset[str] = frozenset()  # settings that harm it, in small letters

    @property
    def are_none(self) -> bool:
        return self == NONE


NONE = Quirks()


@dataclass(frozen=True, slots=True)
class Pack:
    """One file. ``applies``: patterns of vendor, model and firmware, none for a pack that staff have to choose."""

    name: str
    version: int
    title: str
    why: str
    quirks: Quirks
    said: Mapping[str, Any]  # the quirks as the file has them
    applies: tuple[Mapping[str, str], ...] = ()
    suggested_by: tuple[str, ...] = ()  # kinds of findings, as `chargers.protocol.kind_of` makes them

    def holds_for(self, plate: Plate) -> bool:
        return any(
            _fits(each.get("vendor", "*"), plate.vendor)
            and _fits(each.get("model", "*"), plate.model)
            and _fits(each.get("firmware", "*"), plate.firmware_version)
            for each in self.applies
        )


class Plate(NamedTuple):
    """What a charger says it is."""

    vendor: str
    model: str
    firmware_version: str


@cache
def packs() -> dict[str, Pack]:
    """All packs by name. Raises ValueError, naming file and key, for a file that says what we do not know."""
    return {pack.name: pack for pack in (_read(path) for path in sorted(FOLDER.glob("*.toml")))}


def _read(path: Path) -> Pack:
    told = tomllib.loads(path.read_text())
    said = told.get("quirks", {})
    known = {each.name for each in fields(Quirks)}
    unknown = (told.keys() - {"version", "title", "why", "quirks", "applies", "suggested_by"}) | (said.keys() - known)
    if unknown:
        raise ValueError(f"{path.name}: {sorted(unknown)[0]!r} is nothing that a behaviour pack can say.")
    values = dict(said)
    if "never_write" in values:
        values["never_write"] = frozenset(name.casefold() for name in values["never_write"])
    return Pack(
        name=path.stem,
        version=told["version"],
        title=told["title"],
        why=told["why"],
        quirks=Quirks(**values),
        said=said,
        applies=tuple(told.get("applies", ())),
        suggested_by=tuple(told.get("suggested_by", ())),
    )


def quirks_of(charger: Charger) -> Quirks:
    """What has to be put right in a charger's frames. Costs nothing while nobody decided anything new."""
    plate = Plate(charger.vendor, charger.model, charger.firmware_version)
    return _decisions.quirks(plate)


def holding(plate: Plate, uses: Iterable[PackUse]) -> list[Pack]:
    """The packs that hold for such a charger: by their file, unless staff decided otherwise."""
    decided = {
        use.pack: use.is_on
        for use in uses
        if (use.vendor, use.model) == plate[:2] and _fits(use.firmware, plate.firmware_version)
    }
    return [pack for name, pack in packs().items() if decided.get(name, pack.holds_for(plate))]


def decide(pack: str, plate: Plate, *, is_on: bool, by: AbstractBaseUser | None) -> PackUse:
    """Staff say that a pack holds, or does not, for a model with a firmware (a pattern; ``*`` for all)."""
    use, _ = PackUse.objects.update_or_create(
        pack=packs()[pack].name,
        vendor=plate.vendor,
        model=plate.model,
        firmware=plate.firmware_version,
        defaults={"is_on": is_on, "decided_by": by},  # type: ignore[misc]
    )
    _decisions.forget()
    return use


@dataclass(slots=True)
class _Decisions:
    """What staff decided, as this process knows it: read at most every few seconds."""

    read_at: float = float("-inf")
    uses: list[PackUse] = field(default_factory=list)
    known: dict[Plate, Quirks] = field(default_factory=dict)
    zones: dict[int, str] = field(default_factory=dict)  # of sites

    def quirks(self, plate: Plate) -> Quirks:
        self._refresh()
        if plate not in self.known:
            self.known[plate] = _together(holding(plate, self.uses))
        return self.known[plate]

    def zone(self, site_id: int) -> str:
        self._refresh()
        if site_id not in self.zones:
            self.zones[site_id] = Site.objects.values_list("timezone", flat=True).filter(pk=site_id).first() or ""
        return self.zones[site_id]

    def _refresh(self) -> None:
        if time.monotonic() - self.read_at > FRESH_S:
            self.uses, self.known, self.zones = list(PackUse.objects.order_by("pk")), {}, {}
            self.read_at = time.monotonic()

    def forget(self) -> None:
        self.read_at = float("-inf")


_decisions = _Decisions()


def zone_of_site(site_id: int | None) -> str:
    """The time zone of a charger's site by IANA name, empty without a site; read at most every few seconds."""
    return _decisions.zone(site_id) if site_id else ""


def assume(uses: Iterable[PackUse]) -> None:
    """Take these for the decisions of staff, and ask no table, until `forget`."""
    _decisions.uses, _decisions.known, _decisions.zones = list(uses), {}, {}
    _decisions.read_at = float("inf")


def forget() -> None:
    """Read the decisions anew at the next question."""
    _decisions.forget()


def _together(held: list[Pack]) -> Quirks:
    """Of two packs that say the same thing the later name wins; what must not be written adds up."""
    values: dict[str, Any] = {}
    for pack in held:
        values |= {name: getattr(pack.quirks, name) for name in pack.said if name != "never_write"}
    never = frozenset[str]().union(*(pack.quirks.never_write for pack in held))
    return Quirks(**values, never_write=never)


def _fits(pattern: str, text: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())
