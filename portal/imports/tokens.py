"""A table of id tokens: ours, or SteVe's table ``ocpp_tag`` as its database or its REST interface gives it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext

from portal.imports.report import Complaints, Report, need, unread
from portal.sheets import Line, Sheet
from sessions.models import IdToken

COLUMNS = ("value", "holder", "status", "expires_at", "group", "kind", "session_limit")
EXAMPLE = "value,holder,expires_at"
LONGEST = {"value": 255, "holder": 120, "group": 36, "kind": 20}
# SteVe's word → ours. ``max_active_transaction_count`` says two things at once; see `_steve_limit`.
STEVE = {
    "id_tag": "value",
    "idtag": "value",
    "parent_id_tag": "group",
    "parentidtag": "group",
    "expiry_date": "expires_at",
    "expirydate": "expires_at",
    "note": "holder",
    "max_active_transaction_count": "steve_limit",
    "maxactivetransactioncount": "steve_limit",
}
STEVE_ONLY = ("steve_limit", "ocpp_tag_pk", "ocpptagpk", "parent_ocpp_tag_pk", "parentocpptagpk")
MOST_SESSIONS = 1000


@dataclass(slots=True)
class Entry:
    token: IdToken
    is_new: bool
    values: dict[str, Any] = field(default_factory=dict)


def judge(sheet: Sheet, **_: Any) -> Report[Entry]:
    """Raises Unreadable for a table without tokens. Times without a zone are in the one that is active."""
    sheet, is_steve = _in_our_words(sheet)
    need(sheet, "value", EXAMPLE)
    report: Report[Entry] = Report(notes=unread(sheet, (*COLUMNS, *STEVE_ONLY)))
    if is_steve:
        report.notes.append(gettext("Read as SteVe's tags: a maximum of 0 sessions is blocked, −1 has no limit."))
    known = _known({line.cells.get("value", "").casefold() for line in sheet.lines})
    rows: dict[str, int] = {}
    for line in sheet.lines:
        complaints = Complaints(line)
        value = line.cells.get("value", "")
        if before := rows.get(value.casefold()):
            complaints.add(
                "value",
                value,
                gettext("Row {before} names it already (case does not count); keep one.").format(before=before),
            )
        rows.setdefault(value.casefold(), line.number)
        token = known.get(value.casefold())
        entry = Entry(token or IdToken(value=value, value_folded=value.casefold()), is_new=token is None)
        _judge(line, entry, complaints)
        report.findings += complaints.findings
        if complaints.findings:
            continue
        if entry.is_new:
            report.new.append(entry)
        elif entry.values:
            report.changed.append(entry)
        else:
            report.same += 1
    return report


@transaction.atomic
def carry_out(report: Report[Entry]) -> list[tuple[str, str]]:
    """Write what was judged. Tokens have no passwords to tell."""
    now = timezone.now()
    for entry in (*report.new, *report.changed):
        for name, value in (entry.values | {"changed_at": now}).items():
            setattr(entry.token, name, value)
    IdToken.objects.bulk_create([entry.token for entry in report.new], batch_size=500)
    written = [column for column in COLUMNS if column != "value"]
    IdToken.objects.bulk_update([entry.token for entry in report.changed], [*written, "changed_at"], batch_size=200)
    return []


def _in_our_words(sheet: Sheet) -> tuple[Sheet, bool]:
    if not STEVE.keys() & set(sheet.heads) - {"note"}:
        return sheet, False
    heads = [STEVE.get(head, head) for head in sheet.heads]
    lines = [
        Line(line.number, {STEVE.get(head, head): cell for head, cell in line.cells.items()}) for line in sheet.lines
    ]
    return Sheet(heads, lines), True


def _known(folded: set[str]) -> dict[str, IdToken]:
    every = sorted(folded)
    return {
        token.value_folded: token
        for start in range(0, len(every), 500)  # SQLite takes only so many parameters
        for token in IdToken.objects.filter(value_folded__in=every[start : start + 500])
    }


def _judge(line: Line, entry: Entry, complaints: Complaints) -> None:
    told: dict[str, Any] = {}
    for column, longest in LONGEST.items():
        text = line.cells.get(column, "")
        if len(text) > longest:
            complaints.add(
                column,
                text,
                gettext("{count} characters; {longest} are the most. Shorten it.").format(
                    count=len(text), longest=longest
                ),
            )
        elif not text.isprintable():
            complaints.add(column, text, gettext("It holds a control character; type it anew."))
        elif text and column != "value":
            told[column] = text
    if not line.cells.get("value", ""):
        complaints.add("value", "", gettext("The token is missing: what the reader sends, e.g. 04A2B3C4D5E6F7."))
    told |= _status(line, complaints) | _expiry(line, complaints) | _limit(line, complaints)
    told |= _steve_limit(line, complaints)
    entry.values = {name: value for name, value in told.items() if value != getattr(entry.token, name)}


def _status(line: Line, complaints: Complaints) -> dict[str, Any]:
    told = line.cells.get("status", "").casefold()
    if told and told not in IdToken.Status.values:
        complaints.add("status", told, gettext("It can be accepted or blocked; an end goes into expires_at."))
        return {}
    return {"status": told} if told else {}


def _expiry(line: Line, complaints: Complaints) -> dict[str, Any]:
    """A day alone means until its end."""
    told = line.cells.get("expires_at", "")
    if not told:
        return {}
    try:
        moment = parse_datetime(told) if len(told) > 10 else None
        day = None if moment else parse_date(told)
    except ValueError:  # 2026-02-30
        moment = day = None
    if day is not None:
        moment = datetime.combine(day + timedelta(days=1), time())
    if moment is None:
        complaints.add("expires_at", told, gettext("No day or time like 2026-12-31 or 2026-12-31T18:00:00+01:00."))
        return {}
    return {"expires_at": timezone.make_aware(moment) if timezone.is_naive(moment) else moment}


def _limit(line: Line, complaints: Complaints) -> dict[str, Any]:
    told = line.cells.get("session_limit", "")
    if not told:
        return {}
    if not told.isdecimal() or not 1 <= int(told) <= MOST_SESSIONS:
        complaints.add(
            "session_limit",
            told,
            gettext("A number from 1 to {most}; empty for no limit of its own.").format(most=MOST_SESSIONS),
        )
        return {}
    return {"session_limit": int(told)}


def _steve_limit(line: Line, complaints: Complaints) -> dict[str, Any]:
    told = line.cells.get("steve_limit", "")
    if not told:
        return {}
    try:
        limit = int(told)
    except ValueError:
        complaints.add("max_active_transaction_count", told, gettext("A whole number, as SteVe keeps it."))
        return {}
    if limit == 0:
        return {"status": IdToken.Status.BLOCKED}
    return {"session_limit": min(limit, MOST_SESSIONS) if limit > 0 else None, "status": IdToken.Status.ACCEPTED}
