"""A table of chargers: new ones are registered, known ones renamed and moved. Nothing it leaves out is touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, ngettext

from chargers import registration
from chargers.models import Charger, Registration, SecurityProfile, Site, fold
from chargers.sentences import read
from portal.imports.report import Complaints, Report, need, unread
from portal.sheets import Line, Sheet

COLUMNS = ("identity", "name", "site", "security_profile", "password", "registration", "serial_number")
EXAMPLE = "identity,name,site,security_profile"
LONGEST = {"name": 120, "site": 120, "serial_number": 64}
# Comparing what people chose takes 50 ms each (`chargers.credentials`); a table must not take minutes.
MOST_PASSWORDS = 500


@dataclass(slots=True)
class Entry:
    """What one row makes of a charger: ``values`` are its columns, ``site`` the name of a site that is yet to be."""

    charger: Charger
    is_new: bool
    values: dict[str, Any] = field(default_factory=dict)
    site: str = ""
    password: str = ""


def judge(sheet: Sheet, *, makes_sites: bool) -> Report[Entry]:
    """Raises Unreadable for a table without identities."""
    need(sheet, "identity", EXAMPLE)
    report: Report[Entry] = Report(notes=unread(sheet, COLUMNS))
    folded = {fold(line.cells.get("identity", "")) for line in sheet.lines}
    judge = _Judge(known_by_identity(folded), {site.name.casefold(): site for site in Site.objects.all()}, makes_sites)
    for line in sheet.lines:
        complaints = Complaints(line)
        entry = judge.entry(line, complaints)
        report.findings += complaints.findings
        if complaints.findings:
            continue
        if entry.is_new:
            report.new.append(entry)
        elif entry.values or entry.site:
            report.changed.append(entry)
        else:
            report.same += 1
    if sites := judge.new_sites:
        report.notes.append(
            ngettext("{count} new site: {names}.", "{count} new sites: {names}.", len(sites)).format(
                count=len(sites), names=", ".join(sorted(sites)[:12])
            )
        )
    return report


def carry_out(report: Report[Entry]) -> list[tuple[str, str]]:
    """Write what was judged; identity and password of those whose password was made, told this once only."""
    entries = [*report.new, *report.changed]
    sites = _sites({entry.site for entry in entries if entry.site})
    for entry in entries:
        if entry.site:
            entry.values["site"] = sites[entry.site.casefold()]
        for name, value in entry.values.items():
            setattr(entry.charger, name, value)
    registration.rewrite([entry.charger for entry in report.changed])
    return registration.register_all([(entry.charger, entry.password) for entry in report.new])


def known_by_identity(folded: Iterable[str]) -> dict[str, Charger]:
    every = list(folded)
    return {
        charger.identity_folded: charger
        for start in range(0, len(every), 500)  # SQLite takes only so many parameters
        for charger in Charger.objects.filter(identity_folded__in=every[start : start + 500]).select_related("site")
    }


def _sites(names: set[str]) -> dict[str, Site]:
    return {name.casefold(): Site.objects.get_or_create(name=name)[0] for name in names}


class _Judge:
    def __init__(self, known: dict[str, Charger], sites: dict[str, Site], makes_sites: bool) -> None:
        self._known = known
        self._sites = sites
        self._makes_sites = makes_sites
        self._rows: dict[str, int] = {}  # where an identity stands
        self._passwords = 0
        self.new_sites: set[str] = set()

    def entry(self, line: Line, complaints: Complaints) -> Entry:
        identity = line.cells.get("identity", "")
        if wrong := registration.flaw(identity):
            complaints.add("identity", identity, read(wrong))
        elif before := self._rows.get(fold(identity)):
            complaints.add(
                "identity",
                identity,
                gettext("Row {before} names it already (case does not count); keep one.").format(before=before),
            )
        self._rows.setdefault(fold(identity), line.number)
        known = self._known.get(fold(identity))
        entry = Entry(known or Charger(identity=identity), is_new=known is None)
        self._texts(line, entry, complaints)
        self._site(line, entry, complaints)
        self._registration(line, entry, complaints)
        self._security(line, entry, complaints)
        return entry

    def _texts(self, line: Line, entry: Entry, complaints: Complaints) -> None:
        for column in ("name", "serial_number"):
            value = line.cells.get(column, "")
            if len(value) > LONGEST[column]:
                complaints.add(
                    column,
                    value,
                    gettext("{count} characters; {longest} are the most. Shorten it.").format(
                        count=len(value), longest=LONGEST[column]
                    ),
                )
            elif value and value != getattr(entry.charger, column):
                entry.values[column] = value

    def _site(self, line: Line, entry: Entry, complaints: Complaints) -> None:
        name = line.cells.get("site", "")
        site = self._sites.get(name.casefold())
        if not name or (site and site.pk == entry.charger.site_id):
            return
        if site:
            entry.values["site"] = site
        elif len(name) > LONGEST["site"]:
            complaints.add(
                "site",
                name,
                gettext("{count} characters; {longest} are the most. Shorten it.").format(
                    count=len(name), longest=LONGEST["site"]
                ),
            )
        elif self._makes_sites:
            entry.site = name
            self.new_sites.add(name)
        else:
            complaints.add(
                "site", name, gettext("There is no such site. Add it first, or let the import make missing sites.")
            )

    def _registration(self, line: Line, entry: Entry, complaints: Complaints) -> None:
        told = line.cells.get("registration", "").casefold()
        if not told:
            return
        if told not in Registration.values:
            complaints.add(
                "registration", told, gettext("It can be {names}.").format(names=", ".join(Registration.values))
            )
        elif told != entry.charger.registration:
            entry.values["registration"] = told

    def _security(self, line: Line, entry: Entry, complaints: Complaints) -> None:
        told, password = line.cells.get("security_profile", ""), line.cells.get("password", "")
        if told and told not in {str(profile) for profile in SecurityProfile.values}:
            complaints.add("security_profile", told, gettext("It can be 0, 1, 2 or 3; empty is 1 for a new charger."))
            return
        profile = int(told or entry.charger.security_profile)
        if not entry.is_new:
            self._leave_security(entry.charger, profile, password, complaints)
            return
        entry.values["security_profile"] = profile
        if profile in registration.WITH_PASSWORD and ":" in entry.charger.identity:
            complaints.add("identity", entry.charger.identity, gettext("With a password an identity may hold no ':'."))
        if password and profile not in registration.WITH_PASSWORD:
            complaints.add(
                "password",
                "",
                gettext("Profile {profile} has no password; empty it, or choose profile 1 or 2.").format(
                    profile=profile
                ),
            )
        elif len(password) > 64:
            complaints.add(
                "password", "", gettext("It has {count} characters; 64 are the most.").format(count=len(password))
            )
        entry.password = password
        self._passwords += bool(password)
        if self._passwords > MOST_PASSWORDS:
            complaints.add(
                "password",
                "",
                gettext("More than {most} passwords of your own; split the file.").format(most=MOST_PASSWORDS),
            )

    def _leave_security(self, charger: Charger, profile: int, password: str, complaints: Complaints) -> None:
        """How a known charger proves itself is nothing that a table may change in passing."""
        if profile != charger.security_profile:
            remedy = gettext("It is {profile} now. Change it on the charger's own page; empty this cell.").format(
                profile=charger.security_profile
            )
            complaints.add("security_profile", str(profile), remedy)
        if password:
            remedy = gettext("It is registered already. Set its password on its Security tab; empty this cell.")
            complaints.add("password", "", remedy)
