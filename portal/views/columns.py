"""The columns of lists: which there are, which a URL shows, and what each says in a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from sessions.models import ChargingSession, IdToken

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True, slots=True)
class Column:
    """``key``: in the URL, and the head in a file; ``cell``: of a row, for a file. ``is_default``: shown unasked."""

    key: str
    title: str | StrPromise
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
    Column("state", _("State"), _of("state"), sort="state", is_fixed=True),
    Column("identity", _("Charger"), _of("identity"), sort="identity", is_fixed=True),
    Column("name", _("Name"), _of("name"), sort="name", is_default=False),
    Column("site", _("Site"), _site, sort="site", is_default=False),
    Column("connectors", _("Connectors"), _connectors),
    Column("power", _("Power"), _of("power_w"), sort="power"),
    Column("vendor", _("Vendor"), _of("vendor"), is_default=False, is_wide=True),
    Column("model", _("Model"), _of("model"), sort="model", is_wide=True),
    Column("serial_number", _("Serial number"), _of("serial_number"), is_default=False, is_wide=True),
    Column("firmware", _("Firmware"), _of("firmware_version"), sort="firmware", is_wide=True),
    Column("version", "OCPP", _of("ocpp_version"), is_wide=True),
    Column("security_profile", _("Security"), _of("security_profile"), sort="security", is_default=False, is_wide=True),
    Column("registration", _("Registration"), _of("registration"), is_default=False, is_wide=True),
    Column("address", _("Address"), _of("remote_address"), is_default=False, is_wide=True),
    Column("iccid", _("SIM card"), _of("iccid"), is_default=False, is_wide=True),
    Column("clock", _("Its clock"), _of("clock_offset_s"), sort="clock", is_default=False, is_wide=True),
    Column("local_list", _("Local list"), _of("local_list_version"), is_default=False, is_wide=True),
    Column("connected", _("Connected since"), _of("connected_at"), sort="connected", is_default=False, is_wide=True),
    Column("heard", _("Last heard"), _of("last_heard_at"), sort="heard"),
)

TOKENS = (
    Column("value", _("Token"), _of("value")),
    Column("holder", _("Holder"), _of("holder")),
    Column("status", _("Status"), _of("status")),
    Column("expires_at", _("Expires"), _of("expires_at")),
    Column("group", _("Group"), _of("group")),
    Column("kind", _("Kind"), _of("kind")),
    Column("session_limit", _("Cars at once"), _of("session_limit")),
)


def _session_site(row: ChargingSession) -> str:
    return row.charger.site.name if row.charger.site else ""


def _holder(row: ChargingSession) -> str:
    token: IdToken | None = row.id_token
    return token.holder if token else ""


SESSIONS = (
    Column("session", _("Session"), _of("pk")),
    Column("charger", _("Charger"), lambda row: row.charger.identity),
    Column("site", _("Site"), _session_site),
    Column("connector", _("Connector"), _of("evse_id")),
    Column("transaction", _("Transaction"), _of("transaction_id")),
    Column("token", _("Token"), _of("token_value")),
    Column("holder", _("Holder"), _holder),
    Column("started_at", _("Started"), _of("started_at")),
    Column("stopped_at", _("Ended"), _of("stopped_at")),
    Column("energy_wh", _("Energy"), _of("energy_wh")),
    Column("meter_start_wh", _("Register at the start"), _of("meter_start_wh")),
    Column("meter_stop_wh", _("Register at the end"), _of("meter_stop_wh")),
    Column("power_max_w", _("Peak power"), _of("power_max_w")),
    Column("stop_reason", _("Reason"), _of("stop_reason")),
    Column("needs_review", _("Needs review"), _of("needs_review")),
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
