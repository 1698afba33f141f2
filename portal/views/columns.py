"""The columns of lists: which there are, which a URL shows, and what each says in a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from sessions.models import ChargingSession, IdToken


@dataclass(frozen=True, slots=True)
class Column:
    """``key``: in the URL, and the head in a file; ``cell``: of a row, for a file. ``is_default``: shown unasked."""

    key: str
    title: str
    cell: Callable[[Any], Any]
    sort: str = ""
    is_default: bool = True
    is_fixed: bool = False  # cannot be left out
    is_wide: bool = False  # not on a phone


def _of(name: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, name)


def _site(row: Any) -> str:
    return row.site.name if row.site else ""


def _connectors(row: Any) -> str:
    return " ".join(f"{connector.label}:{connector.status}" for connector in row.connectors.all())


CHARGERS = (
    Column("state", "State", _of("state"), sort="state", is_fixed=True),
    Column("identity", "Charger", _of("identity"), sort="identity", is_fixed=True),
    Column("name", "Name", _of("name"), sort="name", is_default=False),
    Column("site", "Site", _site, sort="site", is_default=False),
    Column("connectors", "Connectors", _connectors),
    Column("power", "Power", _of("power_w"), sort="power"),
    Column("vendor", "Vendor", _of("vendor"), is_default=False, is_wide=True),
    Column("model", "Model", _of("model"), sort="model", is_wide=True),
    Column("serial_number", "Serial number", _of("serial_number"), is_default=False, is_wide=True),
    Column("firmware", "Firmware", _of("firmware_version"), sort="firmware", is_wide=True),
    Column("version", "OCPP", _of("ocpp_version"), is_wide=True),
    Column("security_profile", "Security", _of("security_profile"), sort="security", is_default=False, is_wide=True),
    Column("registration", "Registration", _of("registration"), is_default=False, is_wide=True),
    Column("address", "Address", _of("remote_address"), is_default=False, is_wide=True),
    Column("iccid", "SIM card", _of("iccid"), is_default=False, is_wide=True),
    Column("clock", "Its clock", _of("clock_offset_s"), sort="clock", is_default=False, is_wide=True),
    Column("local_list", "Local list", _of("local_list_version"), is_default=False, is_wide=True),
    Column("connected", "Connected since", _of("connected_at"), sort="connected", is_default=False, is_wide=True),
    Column("heard", "Last heard", _of("last_heard_at"), sort="heard"),
)

TOKENS = (
    Column("value", "Token", _of("value")),
    Column("holder", "Holder", _of("holder")),
    Column("status", "Status", _of("status")),
    Column("expires_at", "Expires", _of("expires_at")),
    Column("group", "Group", _of("group")),
    Column("kind", "Kind", _of("kind")),
    Column("session_limit", "Cars at once", _of("session_limit")),
)


def _session_site(row: ChargingSession) -> str:
    return row.charger.site.name if row.charger.site else ""


def _holder(row: ChargingSession) -> str:
    token: IdToken | None = row.id_token
    return token.holder if token else ""


SESSIONS = (
    Column("session", "Session", _of("pk")),
    Column("charger", "Charger", lambda row: row.charger.identity),
    Column("site", "Site", _session_site),
    Column("connector", "Connector", _of("evse_id")),
    Column("transaction", "Transaction", _of("transaction_id")),
    Column("token", "Token", _of("token_value")),
    Column("holder", "Holder", _holder),
    Column("started_at", "Started", _of("started_at")),
    Column("stopped_at", "Ended", _of("stopped_at")),
    Column("energy_wh", "Energy", _of("energy_wh")),
    Column("meter_start_wh", "Register at the start", _of("meter_start_wh")),
    Column("meter_stop_wh", "Register at the end", _of("meter_stop_wh")),
    Column("power_max_w", "Peak power", _of("power_max_w")),
    Column("stop_reason", "Reason", _of("stop_reason")),
    Column("needs_review", "Needs review", _of("needs_review")),
)


def shown(query: QueryDict, columns: Sequence[Column]) -> list[Column]:
    """Those that the URL's ``cols`` names, in their own order; without it the default ones."""
    named = set(",".join(query.getlist("cols")).split(","))
    if not named & {column.key for column in columns}:
        return [column for column in columns if column.is_default or column.is_fixed]
    return [column for column in columns if column.is_fixed or column.key in named]


def tidy(query: QueryDict, columns: Sequence[Column]) -> None:
    """Say ``cols`` in one word, and not at all where it is the default."""
    keys = _keys(shown(query, columns))
    query.pop("cols", None)
    if keys != _keys(column for column in columns if column.is_default or column.is_fixed):
        query["cols"] = ",".join(keys)


def _keys(columns: Iterable[Column]) -> list[str]:
    return [column.key for column in columns if not column.is_fixed]
