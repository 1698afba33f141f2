"""SteVe's transactions as sessions that are over. One that has no end in its books is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from chargers.models import fold
from portal.dumps import Dump, Row
from portal.imports.report import Finding, Report
from portal.imports.steve.tables import moment, printable, whole
from sessions import past
from sessions.past import Past
from sessions.units import as_number

NAME = "steve-{pk}"  # no number alone: those are ours, and a charger may tell one


@dataclass(frozen=True, slots=True)
class Transaction:
    """By the names of charger and tag, which may be as new as it is; ``told``: the rest of a `Past`."""

    identity: str
    tag: str
    told: dict[str, Any]

    def past(self, chargers: Mapping[str, int], tokens: Mapping[str, int]) -> Past:
        return Past(
            charger_id=chargers[fold(self.identity)],
            token_id=tokens.get(self.tag.casefold()),
            token_value=self.tag,
            **self.told,
        )


def judge(dump: Dump, chargers: Mapping[str, int | None]) -> tuple[Report[Transaction], int]:
    """And how many have no end. ``chargers``: those that there will be; None: it has no key yet."""
    report: Report[Transaction] = Report()
    without_end = 0
    stops = _last_stops(dump)
    connectors = dict(_connectors(dump))
    starts = dump.tables.get("transaction_start", [])
    names = [NAME.format(pk=whole(row, "transaction_pk")) for row in starts]
    known = past.known(names)
    for name, row in zip(names, starts, strict=True):
        pk = whole(row, "transaction_pk")
        identity, connector = connectors.get(row.get("connector_pk") or row.get("evse_pk"), ("", 0))
        if fold(identity) not in chargers:
            report.findings.append(Finding(pk, "charge_box_id", identity, gettext("Its charger is not brought in.")))
        elif (chargers[fold(identity)], name) in known:
            report.same += 1
        elif (stop := stops.get(pk)) is None:
            without_end += 1
        elif told := _told(name, connector, row, stop, is_utc=dump.is_utc):
            report.new.append(Transaction(identity, printable(row.get("id_tag")), told))
        else:
            report.findings.append(Finding(pk, "start_timestamp", "", gettext("It does not say when it was.")))
    return report, without_end


def _told(name: str, connector: int, start: Row, stop: Row, *, is_utc: bool) -> dict[str, Any] | None:
    received = [moment(row.get("event_timestamp"), is_utc=is_utc) for row in (start, stop)]
    started_at = moment(start.get("start_timestamp"), is_utc=is_utc) or received[0]
    stopped_at = moment(stop.get("stop_timestamp"), is_utc=is_utc) or received[1]
    if started_at is None or stopped_at is None:
        return None
    return {
        "name": name,
        "evse_id": connector,
        "started_at": started_at,
        "started_received_at": received[0] or started_at,
        "stopped_at": stopped_at,
        "stopped_received_at": received[1] or stopped_at,
        "meter_start_wh": _register(start.get("start_value")),
        "meter_stop_wh": _register(stop.get("stop_value")),
        "stop_reason": printable(stop.get("stop_reason")),
    }


def _last_stops(dump: Dump) -> dict[int, Row]:
    """SteVe keeps each stop that it was told; the last one counts there."""
    last: dict[int, Row] = {}
    for row in dump.tables.get("transaction_stop", ()):
        pk = whole(row, "transaction_pk")
        if pk not in last or (last[pk].get("event_timestamp") or "") <= (row.get("event_timestamp") or ""):
            last[pk] = row
    return last


def _connectors(dump: Dump) -> Iterator[tuple[str | None, tuple[str, int]]]:
    """Key → charger and connector; the table was called connector and is called evse."""
    for table in ("connector", "evse"):
        for row in dump.tables.get(table, ()):
            yield row.get(f"{table}_pk"), (row.get("charge_box_id") or "", whole(row, f"{table}_id"))


def _register(text: str | None) -> int | None:
    """Wh, as SteVe keeps what chargers said; None for what is no number."""
    number = as_number(text or "")
    return None if number is None else round(number)
