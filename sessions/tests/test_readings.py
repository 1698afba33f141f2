"""What a batch of readings costs and finds, beyond what `gateway/tests/…/test_metering.py` tells through messages."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from chargers.models import Charger
from sessions.models import ChargingSession, MeterValue
from sessions.readings import Reading, ReadingBook, _Sessions
from sessions.units import sample

NOW = timezone.now()


def begin(charger: Charger, name: str, *, is_superseded: bool = False, hours_ago: float = 1) -> ChargingSession:
    at = NOW - timedelta(hours=hours_ago)
    return ChargingSession.objects.create(
        charger=charger, evse_id=1, transaction_id=name, started_at=at, started_received_at=at,
        meter_start_wh=0, is_superseded=is_superseded,
    )  # fmt: skip


def read(charger: Charger, *, transaction_id: str = "") -> Reading:
    return Reading(charger.pk, 1, [sample("500")], NOW, device_time=NOW.isoformat(), transaction_id=transaction_id)


def test_sessions_whose_end_was_never_told_are_not_read_again_and_again(cp1: Charger) -> None:
    for number in range(20):
        begin(cp1, str(number), is_superseded=True, hours_ago=100 - number)
    running = begin(cp1, "99")
    found = _Sessions([(reading := read(cp1), MeterValue(measured_at=NOW, charger=cp1))])
    assert list(found._by_pk) == [running.pk]
    assert found.of(reading, NOW) == running


def test_a_superseded_session_still_takes_the_readings_that_name_it(cp1: Charger) -> None:
    session = begin(cp1, "7", is_superseded=True)
    book = ReadingBook()
    book.add(read(cp1, transaction_id="7"))
    book.write()
    session.refresh_from_db()
    assert (session.energy_wh, MeterValue.objects.get().session) == (500, session)
