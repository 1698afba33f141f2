"""Fills the books of a yard that is measured: chargers in all states, a year of sessions, issues and log. PostgreSQL
and SQLite; the database makes the rows itself.

Identities are ``PAGE-000001`` …; one charger in ten is offline, one in fifty faulted. Random would differ from run to
run: everything follows from the row's number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from chargers.models import Charger, Connector, Exchange, Site
from chargers.models.connector import LEADING
from portal.issues.models import Issue, Severity
from sessions.models import IdToken

PORTION = 500
SITE_HOLDS = 20  # chargers
TOKENS = 5000
EXCHANGES_EACH = 20
# What the n-th connector does, in turn.
STATUSES = (
    *("available",) * 30, *("charging",) * 12, "preparing", "suspended_ev", "finishing", "reserved", "unavailable",
    "unknown", "faulted", "available",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    chargers: int = 10_000
    sessions: int = 1_000_000


def fill(size: Size) -> None:
    now = timezone.now()
    with transaction.atomic():
        _street(size, now)
        _people(now)
        _sessions(size, now)
        _issues(now)
        _log(now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _street(size: Size, now: datetime) -> None:
    sites = Site.objects.bulk_create(
        [
            Site(name=f"Site {n:05}", timezone="Europe/Berlin", latitude=47.5 + n % 70 / 10, longitude=6 + n % 83 / 10)
            for n in range(size.chargers // SITE_HOLDS)
        ],
        batch_size=PORTION,
    )
    chargers = Charger.objects.bulk_create(
        [_charger(number, sites[number % len(sites)], now) for number in range(size.chargers)], batch_size=100
    )
    Connector.objects.bulk_create(
        [
            Connector(charger=charger, evse_id=evse_id, status=_status(number, evse_id), power_w=11_000, power_at=now)
            for number, charger in enumerate(chargers)
            for evse_id in (1, 2)
        ],
        batch_size=PORTION,
    )


def _status(number: int, evse_id: int) -> str:
    return STATUSES[(number + evse_id) % len(STATUSES)]


def _charger(number: int, site: Site, now: datetime) -> Charger:
    identity = f"PAGE-{number:06}"
    statuses = {_status(number, 1), _status(number, 2)}
    return Charger(
        identity=identity,
        identity_folded=identity.casefold(),
        name=f"Row {number % 40}",
        site=site,
        vendor=f"Vendor {number % 7}",
        model=f"Model {number % 23}",
        firmware_version=f"1.{number % 11}.0",
        subprotocol=("ocpp1.6", "ocpp2.0.1")[number % 3 == 0],
        epoch=1,
        is_online=number % 10 != 0,
        is_booted=True,
        connected_at=now - timedelta(hours=number % 500),
        last_heard_at=now - timedelta(seconds=number % 300),
        leading_status=next((status for status in LEADING if status in statuses), "unknown"),
    )


def _people(now: datetime) -> None:
    get_user_model().objects.create_user("bench-pages", password=None, is_staff=True)
    IdToken.objects.bulk_create(
        [
            IdToken(value=f"04{n:012X}", value_folded=f"04{n:012x}", holder=f"Holder {n}", changed_at=now)
            for n in range(TOKENS)
        ],
        batch_size=PORTION,
    )


# Session i runs on charger i modulo their number; starts are spread evenly over the year, and of the last hour's most
# still run. {moment}: seconds since 1970 as this database keeps a time.
SESSIONS = """
INSERT INTO charging_sessions_chargingsession (charger_id, evse_id, connector_id, transaction_id, id_token_id,
    token_value, token_verdict, started_at, started_received_at, started_device_time, stopped_at, stopped_received_at,
    stopped_device_time, stop_reason, stopped_by_token, meter_start_wh, energy_wh, charging_state, is_incomplete,
    is_superseded, needs_review, review_reasons, proposal)
WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < %(last)s)
SELECT %(charger)s + i %% %(chargers)s, 1, 1, 'P' || i, %(token)s + i %% %(tokens)s, 'BENCH', 'accepted', {began},
    {began}, '', CASE WHEN i < %(last)s - %(running)s THEN {ended} END,
    CASE WHEN i < %(last)s - %(running)s THEN {ended} END,
    '', 'EVDisconnected', '', 1000, 22000, '', false, false, i %% 5000 = 0, '[]', ''
FROM number
"""
HOURS = """
INSERT INTO charging_sessions_sessionhour (session_id, charger_id, hour, energy_wh, peak_power_w, charging_s, has_begun,
    has_ended, is_settled)
SELECT id, charger_id, {hour}, 11000, 11000, 3600, true, false, true
FROM charging_sessions_chargingsession WHERE started_at > %(since)s
"""


def _sessions(size: Size, now: datetime) -> None:
    year_s = 365 * 86_400
    values = {
        "last": size.sessions - 1,
        "charger": Charger.objects.order_by("pk").values_list("pk", flat=True)[0],
        "chargers": size.chargers,
        "token": IdToken.objects.order_by("pk").values_list("pk", flat=True)[0],
        "tokens": TOKENS,
        "running": size.chargers // 5,
        "first": int(now.timestamp()) - year_s,
        "step": year_s / size.sessions,
        "since": connection.ops.adapt_datetimefield_value(now - timedelta(days=2)),
    }
    is_postgres = connection.vendor == "postgresql"
    moment = "to_timestamp({})" if is_postgres else "datetime({}, 'unixepoch')"
    hour = "date_trunc('hour', started_at, 'UTC')" if is_postgres else "strftime('%%Y-%%m-%%d %%H:00:00', started_at)"
    began, ended = (moment.format(f"%(first)s + i * %(step)s + {later_s}") for later_s in (0, 3600))
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS.format(began=began, ended=ended), values)
        cursor.execute(HOURS.format(hour=hour), values)


def _issues(now: datetime) -> None:
    chargers = list(Charger.objects.order_by("pk").values_list("pk", flat=True)[::50])
    Issue.objects.bulk_create(
        [
            Issue(
                rule="faulted", key=f"bench-{pk}", severity=Severity.MAJOR, charger_id=pk, title="A fault of the bench",
                opened_at=now - timedelta(hours=n % 100), seen_at=now,
                closed_at=now - timedelta(hours=n % 90) if n % 4 == 0 else None,
            )
            for n, pk in enumerate(chargers)
        ],
        batch_size=PORTION,
    )  # fmt: skip


def _log(now: datetime) -> None:
    rows = [
        Exchange(
            charger_id=pk, epoch=1, origin="charger", message_id=str(UUID(int=n)), action="Heartbeat", request="[]",
            response="[]", requested_at=now - timedelta(minutes=n), responded_at=now, outcome="result",
        )
        for pk in Charger.objects.order_by("pk").values_list("pk", flat=True)[:500]
        for n in range(EXCHANGES_EACH)
    ]  # fmt: skip
    Exchange.objects.bulk_create(rows, batch_size=PORTION)
