"""Gives a yard a past: a year of sessions, meter values and log for chargers that are enrolled. PostgreSQL.

    python -m portal.bench.history METER_VALUES

Run within the environment of the yard that is measured. The database makes the rows itself, month by month, two months
at a time, and indexes each when it is full. Months that are over are not written to its log (UNLOGGED): nothing is
written to them while a yard is measured, and a yard of the bench need not survive a crash.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import psycopg

MONTHS = 13  # this one among them
VALUES_PER_SESSION = 20
VALUE_EVERY = timedelta(minutes=6)
SESSION_LASTS = VALUES_PER_SESSION * VALUE_EVERY
BLOCK = 1000  # sessions that run at the same time: their values lie side by side, as they would have come
VALUES_PER_EXCHANGE = 10
EXCHANGE_MONTHS = 3  # as long as the log is kept
AT_ONCE = 2
FIRST_PK = 1_000_000_000  # above all that the yard has made by itself
# The same for all: two measurands, 270 bytes. What nobody reads need not differ, and to make it would take minutes.
SAMPLES = (
    '[{"measurand": "Energy.Active.Import.Register", "phase": "", "location": "", "unit": "Wh", "value": 1000.0, '
    '"raw": "1000"}, {"measurand": "Power.Active.Import", "phase": "", "location": "", "unit": "W", "value": 11000.0, '
    '"raw": "11000"}]'
)
FRAME = (
    '[2,"00000000-bead-4000-8000-000000000000","MeterValues",{"connectorId":1,"transactionId":1,"meterValue":'
    '[{"timestamp":"2026-01-01T00:00:00.000Z","sampledValue":[{"value":"1000","context":"Sample.Periodic",'
    '"measurand":"Energy.Active.Import.Register","unit":"Wh"},{"value":"11000","context":"Sample.Periodic",'
    '"measurand":"Power.Active.Import","unit":"W"}]}]}]'
)

# Session i of a month runs on charger i modulo their number; starts are spread evenly over the month.
SESSIONS = """
INSERT INTO charging_sessions_chargingsession (id, charger_id, evse_id, connector_id, transaction_id, token_value,
    token_verdict, started_at, started_received_at, started_device_time, stopped_at, stopped_received_at,
    stopped_device_time, stop_reason, stopped_by_token, meter_start_wh, meter_stop_wh, energy_wh, metered_at,
    charging_state, is_incomplete, is_superseded, needs_review, review_reasons, proposal)
SELECT %(first)s::bigint + i, fleet.id, 1, 1, 'H' || %(first)s::bigint + i, 'BENCH000000000', 'accepted', began, began,
    began::text, began + %(lasts)s, began + %(lasts)s, (began + %(lasts)s)::text, 'EVDisconnected', '',
    1000, 23000, 22000, began + %(lasts)s, '', false, false, false, '[]', ''
FROM generate_series(0, %(sessions)s - 1) i
JOIN bench_fleet fleet ON fleet.n = i %% %(chargers)s,
LATERAL (SELECT %(month)s + %(spread)s * i / %(sessions)s AS began) moment
"""
HOURS = """
INSERT INTO charging_sessions_sessionhour (session_id, charger_id, hour, energy_wh, peak_power_w, charging_s, has_begun,
    has_ended, register_wh, is_settled)
SELECT id, charger_id, date_trunc('hour', started_at, 'UTC') + n * interval '1 hour', 11000, 11000, 3600, n = 0, n = 2,
    12000, true
FROM charging_sessions_chargingsession, generate_series(0, 2) n
WHERE id >= %(first)s AND id < %(first)s + %(sessions)s
"""
METER_VALUES = """
INSERT INTO {table} (id, charger_id, session_id, evse_id, connector_id, measured_at, received_at, device_time, context,
    energy_wh, power_w, samples, is_suspect, key, digest)
SELECT (%(first)s::bigint + i) * {per_session} + value, fleet.id, %(first)s::bigint + i, 1, 1, at, at, at::text,
    'Sample.Periodic', 1000 + 1100 * value, 11000, %(samples)s::jsonb, false,
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || substr(md5(i || '-' || value), 1, 20))::uuid,
    md5(i || '=' || value)::uuid
FROM generate_series(0, %(sessions)s - 1, {block}) block, generate_series(0, {per_session} - 1) value,
    generate_series(block, least(block + {block}, %(sessions)s) - 1) i
JOIN bench_fleet fleet ON fleet.n = i %% %(chargers)s,
LATERAL (SELECT %(month)s + %(spread)s * i / %(sessions)s + value * %(every)s AS at) moment
"""
EXCHANGES = """
INSERT INTO {table} (id, charger_id, epoch, origin, message_id, action, request, requested_at, response, responded_at,
    outcome, error_code, findings, digest)
SELECT %(first)s::bigint + i, fleet.id, 1, 'charger', md5(i::text), 'MeterValues', %(frame)s, at, '[3,"1",{{}}]',
    at + interval '20 ms', 'result', '', '[]', md5(i::text)
FROM generate_series(0, %(exchanges)s - 1) i
JOIN bench_fleet fleet ON fleet.n = i %% %(chargers)s,
LATERAL (SELECT %(month)s + %(spread)s * i / %(exchanges)s AS at) moment
"""
# A yard that grew old has looked through its log long ago.
READ_ALREADY = """
INSERT INTO chargers_journalmark (reader, exchange_id) SELECT %(reader)s, max(id) FROM chargers_exchange
ON CONFLICT (reader) DO UPDATE SET exchange_id = excluded.exchange_id
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one month gets."""

    month: datetime
    first: int  # session of it, counted over all months
    sessions: int
    exchanges: int


def fill(url: str, values: int, *, at: datetime) -> None:
    """Write ``values`` meter values with their sessions and log, over the last year up to ``at``."""
    from chargers import protocol

    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "CREATE TABLE bench_fleet AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, id FROM chargers_charger"
        )
        database.execute("CREATE UNIQUE INDEX ON bench_fleet (n)")
        database.execute("ANALYZE bench_fleet")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda share: _fill_month(url, share, at), shares(values, at=at)))
    with psycopg.connect(url, autocommit=True) as database:
        for table in ("charging_sessions_chargingsession", "charging_sessions_metervalue", "chargers_exchange"):
            database.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")  # noqa: S608
        database.execute(READ_ALREADY, {"reader": protocol.READER})
        database.execute("DROP TABLE bench_fleet")
        database.execute("VACUUM ANALYZE")


def shares(values: int, *, at: datetime) -> list[Share]:
    """Every month gets the same, the log the last ones only."""
    from chargers.partitions import following, month_of

    first = month_of(month_of(at) - timedelta(days=30 * (MONTHS - 1)))
    months = following(first, MONTHS)[-MONTHS:]
    sessions = max(1, values // VALUES_PER_SESSION // MONTHS)
    exchanges = values // VALUES_PER_EXCHANGE // EXCHANGE_MONTHS
    return [
        Share(month, FIRST_PK + number * sessions, sessions, exchanges if number >= MONTHS - EXCHANGE_MONTHS else 0)
        for number, month in enumerate(months)
    ]


def _fill_month(url: str, share: Share, at: datetime) -> None:
    from chargers.partitions import next_month
    from chargers.retention import JOURNAL
    from sessions.retention import METER_VALUES as VALUES

    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SET synchronous_commit = off")
        database.execute("SET maintenance_work_mem = '512MB'")
        chargers = database.execute("SELECT count(*) FROM bench_fleet").fetchone()
        until = min(next_month(share.month), at)
        values: dict[str, Any] = {
            "month": share.month,
            "spread": until - share.month - SESSION_LASTS,  # all of a session in one month
            "sessions": share.sessions,
            "exchanges": share.exchanges,
            "first": share.first,
            "chargers": chargers[0] if chargers else 0,
            "lasts": SESSION_LASTS,
            "every": VALUE_EVERY,
            "samples": SAMPLES,
            "frame": FRAME,
        }
        database.execute(SESSIONS, values)
        database.execute(HOURS, values)
        meter_values = METER_VALUES.format(table="{table}", per_session=VALUES_PER_SESSION, block=BLOCK)
        _fill_partition(database, VALUES, share.month, meter_values, values)
        if share.exchanges:
            _fill_partition(database, JOURNAL, share.month, EXCHANGES, values)


def _fill_partition(database: psycopg.Connection[Any], table: Any, month: datetime, sql: str, values: Any) -> None:
    """A month that is there is filled as it is; another one is made, filled, and then indexed and attached."""
    name = table.name_of(month)
    is_there = database.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,)
    if not is_there:
        database.execute(f"CREATE UNLOGGED TABLE {name} (LIKE {table.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    database.execute(sql.format(table=name).encode(), values)
    if not is_there:
        database.execute(f"ALTER TABLE {table.table} ATTACH PARTITION {name} FOR VALUES {table.range_of(month)}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    fill(os.environ["DATABASE_URL"], int(sys.argv[1]), at=datetime.now(UTC))
