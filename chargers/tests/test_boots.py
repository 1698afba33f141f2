from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.boots import FLOOD_INTERVAL_S, FLOOD_PER_MINUTE, Nameplate, interval_s
from chargers.models import Boot
from chargers.tests.boots import record_boot


def test_intervals_differ_by_charger_and_stay_within_a_tenth():
    intervals = {interval_s(f"CP-{n}", 300) for n in range(200)}
    assert len(intervals) > 30
    assert min(intervals) >= 270
    assert max(intervals) <= 330


def test_the_interval_of_a_charger_does_not_change():
    assert interval_s("CP-1", 300) == interval_s("CP-1", 300)


@pytest.mark.parametrize("base_s", [0, 1])
def test_an_interval_is_never_nothing(base_s):
    assert interval_s("CP-1", base_s) >= 1


def test_a_flood_of_boots_is_told_to_wait(cp1):
    at = timezone.now()
    boots = [record_boot(cp1, Nameplate(vendor="Acme"), at=at) for _ in range(FLOOD_PER_MINUTE + 1)]
    assert {boot.verdict for boot in boots[:-1]} == {"Accepted"}
    assert boots[-1].verdict == "Pending"
    assert boots[-1].interval_s > FLOOD_INTERVAL_S * 0.8
    later = record_boot(cp1, Nameplate(vendor="Acme"), at=at + timedelta(minutes=2))
    assert later.verdict == "Accepted"


def test_a_flood_does_not_shut_out_a_charger_that_works(cp1):
    for _ in range(FLOOD_PER_MINUTE + 1):
        record_boot(cp1, Nameplate(), at=timezone.now())
    cp1.refresh_from_db()
    assert cp1.is_booted


def test_what_a_charger_does_not_say_stays(cp1):
    record_boot(cp1, Nameplate(firmware_version="1.1.0"), at=timezone.now())
    cp1.refresh_from_db()
    assert (cp1.vendor, cp1.firmware_version) == ("Acme", "1.1.0")
    assert Boot.objects.get().vendor == ""
