"""What state each plug is in. Reports of a whole batch are written at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from chargers import clocks, statements
from chargers.models import Connector, ConnectorStatus, StatusChange
from chargers.models.connector import lead
from chargers.rows import Lookup, clip, insert, make, rewrite

# Finer than "occupied". Some chargers report only that and tell the rest by their sessions (OCPP 2.x), so "occupied"
# takes none of these back.
PRECISE = frozenset(
    {
        ConnectorStatus.PREPARING,
        ConnectorStatus.CHARGING,
        ConnectorStatus.SUSPENDED_EV,
        ConnectorStatus.SUSPENDED_EVSE,
        ConnectorStatus.FINISHING,
    }
)
# Of one charger. It may number them as it likes (two numbers to 999 each), and each is a row that pages and plans read.
MOST = 999
# So much older than what we know, a report was overtaken; less may be the difference between two workers' clocks.
OVERTAKEN = timedelta(seconds=10)
IN_USE = PRECISE | {ConnectorStatus.OCCUPIED}
_AT_PLACES = Lookup(Connector, by=["charger_id", "evse_id", "connector_id"])
_PLACE = (("charger_id", "bigint"), ("evse_id", "bigint"), ("connector_id", "bigint"))
_POWER = (*_PLACE, ("power_w", "double precision"), ("at", "timestamp with time zone"))
Place = tuple[int, int, int]  # charger's pk, EVSE, connector
_COLUMNS = ("status", "error_code", "vendor_error_code", "info", "status_at")


@dataclass(slots=True, frozen=True)
class StatusReport:
    """A connector's state as told at ``at``. (0, 0) is the charger as a whole.

    ``status`` None: only what is wrong with it is told, or that it is right again.
    """

    charger_id: int
    evse_id: int
    status: ConnectorStatus | None
    at: datetime
    connector_id: int = 1
    error_code: str = ""
    vendor_error_code: str = ""
    info: str = ""
    device_time: str = ""
    only_from: frozenset[ConnectorStatus] | None = None  # applies only if the connector is in one of these


@dataclass(slots=True)
class StatusBook:
    """Collects the status reports of a batch; `write` stores them."""

    _reports: list[StatusReport] = field(default_factory=list)

    def add(self, report: StatusReport) -> None:
        self._reports.append(report)

    def write(self) -> None:
        """Bring the connectors up to date, creating those we have not seen; a row of history for each change only."""
        if not self._reports:
            return
        connectors = _connectors(self._reports)
        changes: list[StatusChange] = []
        changed: dict[int, Connector] = {}
        for report in self._reports:
            connector = connectors.get((report.charger_id, report.evse_id, report.connector_id))
            if connector is not None and _apply(report, connector):
                changed[connector.pk] = connector
                changes.append(_change(report, connector))
        self._reports = []
        rewrite(list(changed.values()), _COLUMNS)
        lead({connector.charger_id for connector in changed.values()})
        insert(changes)


def _connectors(reports: list[StatusReport]) -> dict[Place, Connector]:
    """Those that are reported, new ones among them as far as their chargers may have more."""
    found = _read(reports)
    places = {(r.charger_id, r.evse_id, r.connector_id) for r in reports}
    if missing := places - found.keys():
        of_charger = Counter(
            Connector.objects.filter(charger__in={c for c, _, _ in missing})
            .values_list("charger", flat=True)
            .order_by()
        )
        rows = []
        for c, evse_id, n in sorted(missing):
            of_charger[c] += 1
            if of_charger[c] <= MOST:
                rows.append(Connector(charger_id=c, evse_id=evse_id, connector_id=n))
        Connector.objects.bulk_create(rows, ignore_conflicts=True)
        found = _read(reports)
    return found


def set_power(powers: Mapping[Place, tuple[float, datetime]]) -> None:
    """Note the power that flows through connectors, each with the time of its measurement; an older one is no news."""
    if not powers:
        return
    adapt = connection.ops.adapt_datetimefield_value
    rows = [(*place, power_w, adapt(at)) for place, (power_w, at) in sorted(powers.items())]
    table = Connector._meta.db_table
    matches = " AND ".join(f"{table}.{name} = v.{name}" for name, _ in _PLACE)
    statements.execute(
        f"UPDATE {table} SET power_w = v.power_w, power_at = v.at "  # noqa: S608 - our names
        f"FROM {statements.recordset('v', _POWER)} "
        f"WHERE {matches} AND ({table}.power_at IS NULL OR {table}.power_at <= v.at)",
        statements.records(_POWER, rows),
    )


def _read(reports: list[StatusReport]) -> dict[Place, Connector]:
    found = _AT_PLACES({(report.charger_id, report.evse_id, report.connector_id) for report in reports})
    return {(c.charger_id, c.evse_id, c.connector_id): c for c in found}


def _apply(report: StatusReport, connector: Connector) -> bool:
    """Put a report into a connector; whether that changed anything."""
    if report.only_from is not None and connector.status not in report.only_from:
        return False
    if connector.status_at is not None and report.at < connector.status_at - OVERTAKEN:
        return False  # it comes late, by a queue that keeps no order; the log of messages has it
    status = report.status or ConnectorStatus(connector.status)
    if status == ConnectorStatus.OCCUPIED and connector.status in PRECISE:
        status = ConnectorStatus(connector.status)
    told: tuple[str, ...] = (
        status,
        clip(Connector, "error_code", report.error_code),
        clip(Connector, "vendor_error_code", report.vendor_error_code),
        clip(Connector, "info", report.info),
    )
    if report.status == ConnectorStatus.FAULTED and not any(told[1:]):
        # OCPP 2.x tells the reason in a message of its own, before or after.
        told = (status, connector.error_code, connector.vendor_error_code, connector.info)
    if told == (connector.status, connector.error_code, connector.vendor_error_code, connector.info):
        return False
    connector.status, connector.error_code, connector.vendor_error_code, connector.info = told
    connector.status_at = report.at
    return True


def _change(report: StatusReport, connector: Connector) -> StatusChange:
    return make(
        StatusChange,
        charger_id=report.charger_id,
        evse_id=report.evse_id,
        connector_id=report.connector_id,
        status=connector.status,
        error_code=connector.error_code,
        vendor_error_code=connector.vendor_error_code,
        info=connector.info,
        received_at=report.at,
        device_time=clocks.kept(report.device_time),
    )
