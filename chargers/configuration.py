"""What a charger is set to, as it told us. We write nothing into a charger from here; see `chargers.commands`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from chargers import credentials
from chargers.desired import due
from chargers.masking import DOOR_KEYS, SECRET_SETTING, password_in
from chargers.models import Charger, Setting
from chargers.rows import clip
from chargers.sentences import phrase

_PLACE = (
    "charger", "component", "component_instance", "evse_id", "connector_id", "name", "instance", "attribute",
)  # fmt: skip

# Of one charger: a station of 2.x has some 2,000. One that makes up names would fill the table, and each of its reports
# reads all that it has.
MOST = 10_000

# Told to people, see chargers/sentences.py.
NO_SETTING = phrase("{path!r} is no setting; write a key, or Component.Variable like EVSE:1.AvailabilityState.")


@dataclass(slots=True, frozen=True)
class Place:
    """Where a setting stands: a key of OCPP 1.6 has a name only."""

    name: str
    component: str = ""
    component_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    instance: str = ""
    attribute: str = "Actual"

    @property
    def is_secret(self) -> bool:
        """Whether its value is a password; such a value is never stored, wherever it comes from."""
        return SECRET_SETTING.search(self.name) is not None

    @property
    def is_door_key(self) -> bool:
        """Whether the charger logs in with its value here."""
        return self.name.casefold() in DOOR_KEYS


_PATH = re.compile(
    r"((?P<component>[^.#:]+)(#(?P<component_instance>[^:]+?))?(:(?P<evse_id>\d+))?(:(?P<connector_id>\d+))?\.)?"
    r"(?P<name>[^.#]+?)(#(?P<instance>.+?))?( \((?P<attribute>Actual|Target|MinSet|MaxSet)\))?"
)


def place_of(path: str) -> Place:
    """The place that `Setting.path` wrote in one line. Raises ValueError."""
    match = _PATH.fullmatch(path.strip())
    if match is None:
        raise ValueError(NO_SETTING.format(path=path))
    return Place(
        name=match["name"],
        component=match["component"] or "",
        component_instance=match["component_instance"] or "",
        evse_id=int(match["evse_id"] or 0),
        connector_id=int(match["connector_id"] or 0),
        instance=match["instance"] or "",
        attribute=match["attribute"] or "Actual",
    )


@dataclass(slots=True, frozen=True)
class Reported:
    """One setting as the charger described it. None: it did not say, and what we knew stays."""

    place: Place
    value: str | None = None
    is_readonly: bool | None = None
    is_writeonly: bool | None = None
    is_known: bool = True
    needs_reboot: bool | None = None
    data_type: str | None = None
    unit: str | None = None
    options: str | None = None


def record(charger: Charger, reports: Iterable[Reported], *, at: datetime) -> int:
    """Store what a charger reported of its settings; the number of settings. Safe to repeat.

    What it has beyond `MOST` is left out; the log of messages has it.
    """
    latest = {report.place: _without_secret(report) for report in reports if report.place.name}
    known = {_place(setting): setting for setting in Setting.objects.filter(charger=charger)}
    rows = {
        (clipped := _clipped(place)): _row(charger, report, known.get(clipped), at) for place, report in latest.items()
    }
    new = [place for place in rows if place not in known]
    for place in new[max(0, MOST - len(known)) :]:
        del rows[place]
    Setting.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=list(_PLACE),
        update_fields=[*_SAID, "reported_at"],
    )
    if rows:
        due.note({charger.pk})
    return len(rows)


_SAID = ("value", "is_readonly", "is_writeonly", "is_known", "needs_reboot", "data_type", "unit", "options")


def _row(charger: Charger, report: Reported, known: Setting | None, at: datetime) -> Setting:
    row = Setting(charger=charger, **asdict(_clipped(report.place)), reported_at=at)
    if known is not None and charger.booted_at and charger.booted_at > known.reported_at:
        known.needs_reboot = False  # it has booted since, so what it tells now is in force
    for column in _SAID:
        said = getattr(report, column)
        if said is None and known is not None:
            said = getattr(known, column)
        if said is not None:
            setattr(row, column, clip(Setting, column, said) if isinstance(said, str) else said)
    return row


def _without_secret(report: Reported) -> Reported:
    if not report.place.is_secret:
        return report
    return Reported(place=report.place, value="", is_readonly=report.is_readonly, is_writeonly=True)


def _clipped(place: Place) -> Place:
    return Place(
        name=place.name[:64],
        component=place.component[:50],
        component_instance=place.component_instance[:50],
        evse_id=place.evse_id,
        connector_id=place.connector_id,
        instance=place.instance[:50],
        attribute=place.attribute[:10],
    )


def _place(setting: Setting) -> Place:
    return Place(
        name=setting.name,
        component=setting.component,
        component_instance=setting.component_instance,
        evse_id=setting.evse_id,
        connector_id=setting.connector_id,
        instance=setting.instance,
        attribute=setting.attribute,
    )


def told(charger: Charger, frame: str, *, is_made: bool = False, order: object = "") -> None:
    """A frame is about to go to the charger: a password in it opens the door too, until we know which one it took.

    ``is_made``: by us, by chance. ``order``: the key of the command that the frame is, here and below.
    """
    if password := password_in(frame):
        credentials.propose(charger, password, is_made=is_made, order=str(order))


def written(
    charger: Charger, place: Place, value: str, *, needs_reboot: bool, at: datetime, order: object = ""
) -> None:
    """The charger took a value we wrote. A new password holds from now on, and the old one no longer.

    One that wants a reboot first: whichever it logs in with.
    """
    record(charger, [Reported(place, value=value, needs_reboot=needs_reboot)], at=at)
    if place.is_door_key and not needs_reboot:
        credentials.confirmed(charger, str(order))


def refused(charger: Charger, request: dict[str, Any], *, order: object = "") -> None:
    """The charger did not take what ``request`` would have set; the password in it, if there is one, is void."""
    if password_in(json.dumps(request)):
        credentials.withdraw(charger, str(order))


def unknown(charger: Charger, places: Collection[Place], *, at: datetime) -> None:
    """The charger said that it has no such settings."""
    record(charger, [Reported(place, value="", is_known=False) for place in places], at=at)


def number_at(charger: Charger, place: Place) -> int | None:
    """What a charger has reported of a setting that is a whole number; None if it has not, or it is none."""
    told = (
        Setting.objects.filter(charger=charger, is_known=True, **asdict(place)).values_list("value", flat=True).first()
    )
    return int(told) if told and told.isascii() and told.isdigit() else None
