"""What a dump of SteVe would do, and doing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from chargers.models import SecurityProfile, Site, fold
from portal.dumps import Dump
from portal.imports import chargers, tokens
from portal.imports.report import Report
from portal.imports.steve import tables, transactions
from portal.imports.steve.tables import Place
from portal.imports.steve.transactions import Transaction
from sessions import past
from sessions.models import IdToken

# How SteVe calls what our columns are made of.
ITS_WORD = {
    "identity": "charge_box_id", "name": "description", "site": "address_pk", "registration": "registration_status",
    "value": "id_tag", "group": "parent_id_tag", "holder": "note", "expires_at": "expiry_date",
    "session_limit": "max_active_transaction_count",
}  # fmt: skip


@dataclass(slots=True)
class SteveReport(Report[Any]):
    """All rows together, and by what they become."""

    places: dict[str, Place] = field(default_factory=dict)  # by the folded name of the site
    chargers: Report[chargers.Entry] = field(default_factory=Report)
    tokens: Report[tokens.Entry] = field(default_factory=Report)
    sessions: Report[Transaction] = field(default_factory=Report)

    @property
    def parts(self) -> dict[str, Report[Any]]:
        return {"charge_box": self.chargers, "ocpp_tag": self.tokens, "transaction_start": self.sessions}

    @property
    def wrong_rows(self) -> int:
        return sum(part.wrong_rows for part in self.parts.values())


def judge(dump: Dump, **_: Any) -> SteveReport:
    """Writes nothing."""
    places = tables.places(dump)
    found = SteveReport(places={place.name.casefold(): place for place in reversed(places.values())})
    found.chargers = chargers.judge(tables.charger_sheet(dump, places), makes_sites=True)
    found.tokens = tokens.judge(tables.token_sheet(dump))
    wrong = {finding.row for finding in found.chargers.findings}
    boxes = dump.tables.get("charge_box", ())
    right = [row.get("charge_box_id") or "" for row in boxes if tables.whole(row, "charge_box_pk") not in wrong]
    found.sessions, without_end = transactions.judge(dump, _keys(map(fold, right)))
    for table, part in found.parts.items():
        found.new += part.new
        found.changed += part.changed
        found.same += part.same
        found.findings += [
            replace(each, column=f"{table}.{ITS_WORD.get(each.column, each.column)}") for each in part.findings
        ]
    found.notes = list(_notes(dump, found, without_end))
    return found


def carry_out(report: SteveReport) -> list[tuple[str, str]]:
    """Write what was judged; identity and password of the chargers that got one, told this once only."""
    with transaction.atomic():
        for entry in (*report.chargers.new, *report.chargers.changed):
            if entry.site:
                _make_site(report.places[entry.site.casefold()])
        made = chargers.carry_out(report.chargers)
        tokens.carry_out(report.tokens)
    keys = _keys({fold(each.identity) for each in report.sessions.new})
    cards = dict(IdToken.objects.values_list("value_folded", "pk"))
    past.bring_in(each.past(keys, cards) for each in report.sessions.new)
    return made


def _keys(folded: Iterable[str]) -> Any:
    """The chargers by name with their keys; None: there is none of that name yet."""
    names = list(folded)
    known = chargers.known_by_identity(names)
    return {name: known[name].pk if name in known else None for name in names}


def _make_site(place: Place) -> None:
    values = {"address": place.address, "latitude": place.latitude, "longitude": place.longitude}
    Site.objects.get_or_create(name=place.name, defaults={**values, **({"timezone": place.zone} if place.zone else {})})


def _notes(dump: Dump, found: SteveReport, without_end: int) -> Iterator[str]:
    """What somebody should know before agreeing."""
    for table, part in found.parts.items():
        if table in dump.tables:
            yield gettext(
                "{table}: {new} new, {changed} changed, {same} as they are already, {wrong} left out."
            ).format(table=table, new=len(part.new), changed=len(part.changed), same=part.same, wrong=part.wrong_rows)
    yield from found.chargers.notes
    if without_end:
        yield ngettext(
            "{count} transaction has no end in SteVe's books and is left out.",
            "{count} transactions have no end in SteVe's books and are left out.",
            without_end,
        ).format(count=without_end)
    if not dump.is_utc:
        yield gettext(
            "The dump does not say that its times are UTC (mysqldump says so, unless it is told --skip-tz-utc); they "
            "are read as those of {zone}."
        ).format(zone=timezone.get_current_timezone_name())
    profiles = [entry.values.get("security_profile") for entry in found.chargers.new]
    if open_to_all := profiles.count(SecurityProfile.NONE):
        yield ngettext(
            "{count} new charger comes in without a password, as it does at SteVe. Raise its security profile when it "
            "is here.",
            "{count} new chargers come in without a password, as they do at SteVe. Raise their security profiles when "
            "they are here.",
            open_to_all,
        ).format(count=open_to_all)
    if with_password := sum(profile in (SecurityProfile.BASIC, SecurityProfile.TLS) for profile in profiles):
        yield ngettext(
            "{count} new charger has a password, of which SteVe has kept nothing that can be read. It gets a new "
            "one, shown once.",
            "{count} new chargers have passwords, of which SteVe has kept nothing that can be read. They get new "
            "ones, shown once.",
            with_password,
        ).format(count=with_password)
