"""The log and meter values by month on a real PostgreSQL: nothing is refused, stored twice or dropped too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from chargers import partitions, retention
from chargers.journal import Journal
from chargers.models import Charger, Exchange
from chargers.partitions import month_of, next_month
from chargers.retention import JOURNAL
from portal.bench import history
from portal.tests.storage.test_upgrade import partition_of, reading, store
from sessions import retention as sessions_retention
from sessions.models import ChargingSession, MeterValue
from sessions.readings import Reading
from sessions.retention import METER_VALUES
from sessions.units import sample

NOW = timezone.now()
MONTH_END = month_of(NOW) - timedelta(seconds=1)


def received(
    charger: Charger, at: datetime, device_time: str, value: str = "500", session: int | None = None
) -> Reading:
    return Reading(charger.pk, 1, [sample(value)], at, device_time=device_time, session_id=session)


@pytest.mark.parametrize(
    "device_time",
    [
        MONTH_END.isoformat(),
        (MONTH_END + timedelta(minutes=9)).isoformat(),  # at first too far ahead to be believed, later believed
        (MONTH_END - timedelta(days=399, hours=23)).isoformat(),  # at first believed, later too old
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "yesterday",
        "",
    ],
)
def test_a_reading_that_comes_again_is_one_row_whenever_it_comes(on_postgres, device_time):
    charger = on_postgres()
    for later in (timedelta(0), timedelta(seconds=2), timedelta(minutes=8), timedelta(days=40), timedelta(days=450)):
        store(received(charger, MONTH_END + later, device_time))
        assert MeterValue.objects.count() == 1, f"{later} later"


def test_the_database_itself_refuses_a_second_row_of_the_same_reading(on_postgres):
    charger = on_postgres()
    store(reading(charger, NOW.isoformat()))
    row = MeterValue.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    MeterValue.objects.bulk_create([row], ignore_conflicts=True)
    assert MeterValue.objects.count() == 1


def test_a_reading_is_looked_for_in_its_own_month_only(on_postgres):
    charger = on_postgres()
    store(reading(charger, NOW.isoformat()))
    plan = MeterValue.objects.filter(charger__in=[charger.pk], key__in=[MeterValue.objects.get().key]).explain()
    assert f"{METER_VALUES.table}_{NOW:%Y_%m}" in plan
    assert METER_VALUES.default not in plan
    assert f"{next_month(month_of(NOW)):%Y_%m}" not in plan


def test_what_is_asked_again_and_again_is_planned_once_however_many_months_there_are(on_postgres):
    charger = on_postgres()
    for number in range(8):
        store(received(charger, NOW, (NOW - timedelta(minutes=number)).isoformat()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(custom_plans), max(generic_plans) >= 8 FROM pg_prepared_statements")
        assert cursor.fetchone() == (0, True)


def test_an_answer_is_matched_without_a_look_at_months_that_are_over(on_postgres):
    charger = on_postgres()
    journal = Journal()
    journal.sent(charger, message_id="7", action="Reset", request="[2]", at=NOW)
    journal.write()
    at = NOW - timedelta(days=2000)
    Exchange.objects.create(charger=charger, epoch=1, origin="csms", message_id="7", requested_at=at)
    journal = Journal()
    journal.heard_answer(charger, "[3]", message_id="7", at=NOW)
    journal.write()
    answered, old = Exchange.objects.order_by("-requested_at")
    assert (answered.outcome, old.outcome) == ("result", "open")


def test_the_next_months_are_made_ahead_and_making_them_again_changes_nothing(postgres):
    JOURNAL.make_ahead(at=NOW)
    months = JOURNAL.months()
    JOURNAL.make_ahead(at=NOW)
    assert JOURNAL.months() == months
    assert [f"{month:%Y-%m}" for month in months][-4:] == [
        f"{month:%Y-%m}" for month in partitions.following(month_of(NOW), 4)
    ]


def test_a_month_that_was_vacuumed_before_it_began_is_not_read_whole_when_it_fills(on_postgres):
    charger = on_postgres()
    month = JOURNAL.months()[-1]
    rows = Exchange.objects.filter(charger=charger, message_id="7", requested_at__gte=month)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {JOURNAL.name_of(month)}")
    assert f"Seq Scan on {JOURNAL.name_of(month)}" in rows.explain()
    JOURNAL.make_ahead(at=NOW)
    assert f"Seq Scan on {JOURNAL.name_of(month)}" not in rows.explain()


def test_a_month_that_nobody_made_loses_nothing_and_gets_its_rows_once_it_is_made(on_postgres):
    charger = on_postgres()
    far = month_of(NOW) + timedelta(days=200)
    row = Exchange.objects.create(charger=charger, epoch=1, origin="charger", requested_at=far + timedelta(days=3))
    assert partition_of(row) == JOURNAL.default
    JOURNAL.make_ahead(at=far)
    assert partition_of(row) == f"{JOURNAL.table}_{row.requested_at:%Y_%m}"
    assert Exchange.objects.get().pk == row.pk


def test_making_a_month_gives_way_to_frames_and_comes_back(migrated, monkeypatch):
    monkeypatch.setattr(partitions, "PAUSE_S", 0.01)
    far = month_of(NOW) + timedelta(days=800)
    with psycopg.connect(migrated) as frames:
        frames.execute("SELECT count(*) FROM chargers_exchange")  # holds all partitions until it commits
        monkeypatch.setattr(partitions, "ATTEMPTS", 2)
        JOURNAL.make_ahead(at=far)
        assert far.replace(day=1) not in JOURNAL.months()
    JOURNAL.make_ahead(at=far)
    assert month_of(far) in JOURNAL.months()


def test_old_months_of_the_log_are_dropped_whole_and_what_lies_beside_them_goes_too(on_postgres, settings):
    settings.JOURNAL_DAYS = 90
    charger = on_postgres()
    JOURNAL.make_ahead(at=NOW - timedelta(days=200))
    for days in (2000, 190, 89, 0):
        Exchange.objects.create(charger=charger, epoch=1, origin="charger", requested_at=NOW - timedelta(days=days))
    assert retention.forget_old(at=NOW) is False
    assert sorted((NOW - row.requested_at).days for row in Exchange.objects.all()) == [0, 89]
    assert min(JOURNAL.months()) >= month_of(NOW - timedelta(days=90))


def test_meter_values_that_an_open_or_disputed_session_needs_outlive_their_month(on_postgres, settings):
    settings.METER_VALUE_DAYS = 100
    charger = on_postgres()
    METER_VALUES.make_ahead(at=NOW - timedelta(days=250))
    then = NOW - timedelta(days=240)
    began = {"charger": charger, "started_at": then, "started_received_at": then, "meter_start_wh": 0}
    ended = {**began, "stopped_at": then + timedelta(hours=2), "meter_stop_wh": 1000}
    sessions = {
        "over": ChargingSession.objects.create(**ended),
        "open": ChargingSession.objects.create(**began),
        "disputed": ChargingSession.objects.create(**ended, needs_review=True),
        "not rolled up": ChargingSession.objects.create(**ended),
    }
    for number, session in enumerate(sessions.values()):
        at = then + timedelta(minutes=number)
        store(received(charger, at, at.isoformat(), session=session.pk))
    store(received(charger, NOW, NOW.isoformat()))
    ChargingSession.objects.exclude(pk=sessions["not rolled up"].pk).update(stale_from=None)

    assert sessions_retention.forget_old(at=NOW) is False

    kept = MeterValue.objects.exclude(session=None)
    assert {row.session_id for row in kept} == {sessions[name].pk for name in ("open", "disputed", "not rolled up")}
    assert {partition_of(row) for row in kept} == {METER_VALUES.default}
    store(received(charger, NOW, (then + timedelta(minutes=1)).isoformat(), session=sessions["open"].pk))
    assert kept.count() == 3, "a repeat is known where the row lies now"
    ChargingSession.objects.update(stale_from=None, needs_review=False, stopped_at=NOW)
    sessions_retention.forget_old(at=NOW)
    assert MeterValue.objects.filter(session__isnull=False).count() == 0
    assert MeterValue.objects.count() == 1


def test_no_moment_a_charger_can_say_is_refused_by_a_partition(on_postgres):
    charger = on_postgres()
    moments = [datetime(year, 1, 1, tzinfo=UTC) for year in (1, 1969, 1970, 2037, 9999)]
    store(*(received(charger, NOW, moment.isoformat(), str(number)) for number, moment in enumerate(moments)))
    assert MeterValue.objects.count() == len(moments)


def test_the_history_that_the_bench_writes_is_one_that_a_yard_could_have(on_postgres, migrated):
    for number in range(7):
        on_postgres(f"CP-{number}")
    history.fill(migrated, 13 * 3 * history.VALUES_PER_SESSION, at=NOW)
    assert (ChargingSession.objects.count(), MeterValue.objects.count()) == (39, 780)
    assert {partition_of(row) for row in MeterValue.objects.all()} == {
        f"{METER_VALUES.table}_{row.measured_at:%Y_%m}" for row in MeterValue.objects.all()
    }
    assert not MeterValue.objects.exclude(charger=F("session__charger")).exists()
    assert MeterValue.objects.filter(measured_at__lt=F("session__started_at")).count() == 0
    assert Exchange.objects.count() == 78
    newest = MeterValue.objects.latest("pk")
    store(received(newest.charger, NOW, NOW.isoformat()))
    assert MeterValue.objects.latest("pk").pk == newest.pk + 1
