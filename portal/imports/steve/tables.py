"""SteVe's chargers and tags as tables of ours, for the judges of those. Row numbers are SteVe's keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import available_timezones

from django.utils import timezone
from django.utils.translation import gettext

from chargers.models import Charger, SecurityProfile, fold
from portal.dumps import Dump, Row
from portal.imports import chargers, tokens
from portal.sheets import Line, Sheet, Unreadable
from sessions.models import IdToken
from sessions.units import as_number

REGISTRATIONS = {"accepted": "accepted", "pending": "quarantined", "rejected": "rejected"}


@dataclass(frozen=True, slots=True)
class Place:
    """An address of SteVe as a site of ours. ``zone``: "" where it does not say."""

    name: str
    address: str
    latitude: float | None
    longitude: float | None
    zone: str


def whole(row: Row, column: str, default: int = 0) -> int:
    """A number of SteVe's, a key for the most part; ``default`` where there is none. Raises Unreadable."""
    told = row.get(column)
    try:
        return default if told is None else int(told)
    except ValueError:
        said = gettext("The column {column} holds {value!r}, where SteVe keeps a whole number.")
        raise Unreadable(said.format(column=column, value=str(told)[:40])) from None


def printable(*parts: str | None) -> str:
    """One line of what people and chargers wrote."""
    text = " ".join(filter(None, parts))
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def moment(text: str | None, *, is_utc: bool) -> datetime | None:
    """A TIMESTAMP; without UTC being said it is in the zone that is active. None: none, or MySQL's date of zeros."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if timezone.is_aware(found):
        return found
    return found.replace(tzinfo=UTC) if is_utc else timezone.make_aware(found)


def places(dump: Dump) -> dict[int, Place]:
    """Where chargers stand, by the key of their charge box."""
    addresses = {row.get("address_pk"): row for row in dump.tables.get("address", ())}
    found = {}
    for box in dump.tables.get("charge_box", ()):
        place = _place(addresses.get(box.get("address_pk"), {}), box)
        if place is not None:
            found[whole(box, "charge_box_pk")] = place
    return found


def _place(address: Row, box: Row) -> Place | None:
    street = printable(address.get("street"), address.get("house_number"))
    town = printable(address.get("zip_code"), address.get("city"))
    country = printable(address.get("country"))
    # An older SteVe keeps the coordinates of each charger, a younger one those of the address.
    told = [as_number(box.get(f"location_{axis}") or address.get(axis) or "") for axis in ("latitude", "longitude")]
    latitude, longitude = told if None not in told else (None, None)
    name = ", ".join(filter(None, (street, town)))[: chargers.LONGEST["site"]]
    if not name and latitude is None:
        return None
    zone = address.get("time_zone") or ""
    return Place(
        name or f"{latitude:.4f}, {longitude:.4f}",
        ", ".join(filter(None, (street, town, country)))[:255],
        latitude,
        longitude,
        zone if zone in available_timezones() else "",
    )


def charger_sheet(dump: Dump, where: Mapping[int, Place]) -> Sheet:
    """Known chargers keep what they have: only what is empty there is told."""
    boxes = dump.tables.get("charge_box", [])
    known = chargers.known_by_identity(fold(printable(box.get("charge_box_id"))) for box in boxes)
    return Sheet(list(chargers.COLUMNS), [_charger_line(box, where, known) for box in boxes])


def _charger_line(box: Row, where: Mapping[int, Place], known: Mapping[str, Charger]) -> Line:
    pk, identity = whole(box, "charge_box_pk"), box.get("charge_box_id") or ""
    charger, place = known.get(fold(identity)), where.get(pk)
    serial = box.get("charge_point_serial_number") or box.get("charge_box_serial_number")
    cells = {
        "name": _cut(box.get("description"), chargers.LONGEST["name"]),
        "site": place.name if place else "",
        "serial_number": _cut(serial, chargers.LONGEST["serial_number"]),
    }
    if charger is None:
        cells["registration"] = REGISTRATIONS.get((box.get("registration_status") or "").casefold(), "")
        cells["security_profile"] = str(_security_profile(box))
    else:
        cells = {column: "" if getattr(charger, column) else cell for column, cell in cells.items()}
    return Line(pk, {"identity": identity, **cells})


def _security_profile(box: Row) -> int:
    """As SteVe lets it in: most of its versions ask nobody for a password."""
    profile = whole(box, "security_profile", SecurityProfile.NONE)
    return SecurityProfile.BASIC if profile == SecurityProfile.NONE and box.get("auth_password") else profile


def token_sheet(dump: Dump) -> Sheet:
    """A tag that may start no session is blocked; one that is blocked here stays so."""
    holders = _holders(dump)
    lines = []
    for tag in dump.tables.get("ocpp_tag", ()):
        pk, limit = whole(tag, "ocpp_tag_pk"), whole(tag, "max_active_transaction_count", -1)
        is_blocked = limit == 0 or tag.get("blocked") == "1"
        expires_at = moment(tag.get("expiry_date"), is_utc=dump.is_utc)
        cells = {
            "value": tag.get("id_tag") or "",
            "group": tag.get("parent_id_tag") or "",
            "holder": _cut(holders.get(pk) or tag.get("note"), tokens.LONGEST["holder"]),
            "expires_at": expires_at.isoformat() if expires_at else "",
            "status": IdToken.Status.BLOCKED.value if is_blocked else "",
            "session_limit": str(min(limit, tokens.MOST_SESSIONS)) if limit > 0 else "",
        }
        lines.append(Line(pk, cells))
    return Sheet(list(tokens.COLUMNS), lines)


def _holders(dump: Dump) -> dict[int, str]:
    """Who holds a tag, by its key: of older versions a column of the person, of younger ones a table between."""
    people = {row.get("user_pk"): row for row in dump.tables.get("user", ())}
    names = {pk: printable(row.get("first_name"), row.get("last_name")) for pk, row in people.items()}
    held = {whole(row, "ocpp_tag_pk"): names[pk] for pk, row in people.items() if row.get("ocpp_tag_pk")}
    return held | {
        whole(row, "ocpp_tag_pk"): names.get(row.get("user_pk"), "") for row in dump.tables.get("user_ocpp_tag", ())
    }


def _cut(text: str | None, longest: int) -> str:
    whole = printable(text)
    return whole if len(whole) <= longest else whole[: longest - 1] + "…"
