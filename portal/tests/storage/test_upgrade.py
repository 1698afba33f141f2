"""Tables of a version before partitions become partitioned ones, with all that they hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import StateApps
from django.utils import timezone

from chargers.models import Charger, Exchange
from chargers.retention import JOURNAL
from portal.tests.storage.conftest import BEFORE
from sessions.models import MeterValue
from sessions.readings import Reading, ReadingBook, _row
from sessions.retention import METER_VALUES
from sessions.units import sample

NOW = timezone.now()
LAST_MONTH = NOW - timedelta(days=31)
LONG_AGO = datetime(2003, 5, 1, tzinfo=UTC)


def reading(charger: Charger, device_time: str) -> Reading:
    return Reading(charger.pk, 1, [sample("500")], NOW, device_time=device_time)


def store(*readings: Reading) -> None:
    book = ReadingBook()
    for one in readings:
        book.add(one)
    book.write()


def models_of(migrations: Iterable[tuple[str, str]]) -> StateApps:
    """The models as they were after these migrations: those of today may have columns that were not there."""
    loader = MigrationLoader(connection)
    names = [(app, loader.get_migration_by_prefix(app, prefix).name) for app, prefix in migrations]
    return loader.project_state(names).apps


def partition_of(row: MeterValue | Exchange) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


@pytest.mark.usefixtures("old_postgres")
def test_an_upgrade_keeps_every_row_finds_its_month_and_knows_repeats_of_before():
    old = models_of(BEFORE)
    charger = old.get_model("chargers", "Charger").objects.create(identity="CP-1", identity_folded="cp-1")
    times = [NOW.isoformat(), LAST_MONTH.isoformat(), LONG_AGO.isoformat(), ""]
    rows = old.get_model("charging_sessions", "MeterValue").objects
    names = [field.attname for field in rows.model._meta.concrete_fields if not field.primary_key]
    for row in [_row(reading(charger, each)) for each in times]:
        rows.create(**{name: getattr(row, name) for name in names})
    with connection.cursor() as cursor:  # the keys of before had no time in them
        cursor.execute(
            "UPDATE charging_sessions_metervalue SET key = overlay(key::text placing 'abcdef12-3456' from 1)::uuid"
        )
    for moment in (NOW, LAST_MONTH, LONG_AGO):
        exchanges = old.get_model("chargers", "Exchange").objects
        exchanges.create(charger=charger, epoch=1, origin="charger", message_id="1", requested_at=moment)
    before = list(rows.order_by("pk").values_list("pk", "device_time", "samples"))

    call_command("migrate", verbosity=0)

    assert list(MeterValue.objects.order_by("pk").values_list("pk", "device_time", "samples")) == before
    months = [f"{METER_VALUES.table}_{moment:%Y_%m}" for moment in (NOW, LAST_MONTH)]
    assert [partition_of(row) for row in MeterValue.objects.order_by("pk")] == [*months, *[METER_VALUES.default] * 2]
    months = [f"{JOURNAL.table}_{moment:%Y_%m}" for moment in (NOW, LAST_MONTH)]
    assert [partition_of(row) for row in Exchange.objects.order_by("pk")] == [*months, JOURNAL.default]
    store(*(reading(charger, each) for each in times))
    assert MeterValue.objects.count() == len(times)
    newest = Exchange.objects.create(charger_id=charger.pk, epoch=1, origin="charger", requested_at=NOW)
    assert newest.pk == 4
